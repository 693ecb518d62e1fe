// What the page knows, without a browser: windows on a log, posts until they are stored, what is kept, mentions.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Posts } from "../../transports/web/page-posts.js";
import { Reader } from "../../transports/web/page-reader.js";
import { Store } from "../../transports/web/page-store.js";
import { mentions } from "../../transports/web/page-text.js";
import { MOST, Window } from "../../transports/web/page-window.js";

const message = (seq, prev = seq - 1) => ({ type: "message", room: "lobby", seq, prev, id: `i${seq}`, nick: "ada", text: "" });
const messages = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => message(first + index));
const seqs = (window) => window.entries.map((entry) => entry.seq);

function windowOf(first, last) {
  const window = new Window();
  window.reset("e", first - 1);
  for (const each of messages(first, last)) window.append(each);
  return window;
}

test("a window takes what continues it, and nothing else", () => {
  const window = windowOf(5, 7);
  assert.equal(window.append(message(7)), false);
  assert.equal(window.append(message(9)), false);
  assert.equal(window.append(message(12, 7)), true);
  assert.equal(window.append({ type: "gap", room: "lobby", after: 12, through: 20, reason: "skipped" }), true);
  assert.deepEqual([window.start, window.end, window.hasOlder], [4, 20, true]);
});

test("a page that does not end where the window begins is not put before it", () => {
  const window = windowOf(5, 7);
  window.prepend(messages(1, 3), true);
  assert.deepEqual([window.start, window.hasOlder], [4, false]);
});

test("a window that is cut on one side knows where it begins and ends", () => {
  const window = windowOf(101, 150);
  window.prepend(messages(1, 100), false);
  window.appendAll(messages(151, MOST + 30));
  window.dropOldest();
  assert.deepEqual([window.entries.length, window.start, window.hasOlder], [MOST, 30, true]);
  window.prepend(messages(11, 30), true);
  window.dropNewest();
  assert.deepEqual([window.entries.length, window.start, window.end], [MOST, 10, MOST + 10]);
  assert.deepEqual(seqs(window).at(-1), MOST + 10);
});

test("a flood does not make a window grow past twice its size", () => {
  const window = windowOf(1, 10 * MOST);
  assert.ok(window.entries.length <= 2 * MOST);
  assert.equal(window.end, 10 * MOST);
  assert.equal(window.start, window.entries[0].prev);
});

const post = (id, text = id) => ({ room: "lobby", id, text, at: 1 });
const rows = (posts) => posts.of("lobby").map((own) => own.post.id);

test("a post is a row until both its message and its acknowledgement are here", () => {
  const posts = new Posts([], []);
  posts.add(post("a"));
  posts.stored({ room: "lobby", id: "a", seq: 5 }, 4);
  assert.deepEqual(rows(posts), ["a"]);
  assert.equal(posts.receive({ ...message(5), id: "a" }), true);
  assert.deepEqual(rows(posts), []);
  posts.add(post("b"));
  assert.equal(posts.receive({ ...message(6), id: "b" }), true);
  posts.stored({ room: "lobby", id: "b", seq: 6 }, 6);
  assert.deepEqual(rows(posts), []);
});

test("a post whose message was read long ago is no row once it is acknowledged", () => {
  const posts = new Posts([post("a")], []);
  posts.stored({ room: "lobby", id: "a", seq: 5 }, 9);
  assert.deepEqual(rows(posts), []);
});

test("a post whose message was left out is no row once that is read past", () => {
  const posts = new Posts([post("a")], []);
  posts.stored({ room: "lobby", id: "a", seq: 5 }, 0);
  posts.passed("lobby", 4);
  assert.deepEqual(rows(posts), ["a"]);
  posts.passed("lobby", 5);
  assert.deepEqual(rows(posts), []);
});

test("a post that came back is kept until its message or its author says otherwise", () => {
  const posts = new Posts([], [{ ...post("a"), why: "too long" }]);
  posts.giveBack(post("b"));
  assert.deepEqual(posts.returned, [{ ...post("a"), why: "too long" }, { ...post("b"), why: undefined }]);
  posts.add(post("b"));
  assert.deepEqual(posts.returned.map(({ id }) => id), ["a"]);
  posts.discard("a");
  assert.deepEqual(posts.returned, []);
});

class Shelf extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => void this.set(key, value);
  removeItem = (key) => void this.delete(key);
  key = (index) => [...this.keys()][index] ?? null;
  get length() {
    return this.size;
  }
}

test("a store is of one server and one account, and is forgotten as a whole", () => {
  const shelf = new Shelf();
  const store = new Store("http://one/", shelf);
  store.keepDraft("lobby", "of nobody");
  store.keepDevice({ nick: "ada", account: "ada" });
  assert.equal(store.draft("lobby"), "");
  store.keepDraft("lobby", "of ada");
  assert.equal(new Store("http://one/", shelf).draft("lobby"), "of ada");
  const other = new Store("http://two/", shelf);
  assert.equal(other.draft("lobby"), "");
  other.keepDraft("lobby", "elsewhere");
  store.forget();
  assert.deepEqual([...shelf.values()], ['"elsewhere"']);
});

test("a draft that was kept by an earlier page can be taken away", () => {
  const shelf = new Shelf();
  new Store("http://one/", shelf).keepDraft("lobby", "half");
  const store = new Store("http://one/", shelf);
  store.keepDraft("lobby", "");
  assert.equal(new Store("http://one/", shelf).draft("lobby"), "");
});

test("a store that is broken is empty, and disturbs nobody", () => {
  const store = new Store("http://one/", new Shelf([["chatcore http://one/ device", "{nonsense"]]));
  assert.deepEqual([store.device, store.draft("lobby"), store.unsent, store.isComplete], [{}, "", [], true]);
});

test("where the browser forbids to keep anything, the window remembers it", () => {
  const fails = { configurable: true, get: () => { throw new Error("forbidden"); } };
  Object.defineProperty(globalThis, "localStorage", fails);
  const store = new Store("http://one/");
  store.keepDevice({ nick: "ada" });
  store.keepUnsent([post("a")]);
  store.claim();
  assert.deepEqual([store.device, store.unsent, store.isOurs], [{ nick: "ada" }, [post("a")], true]);
  assert.deepEqual([store.isAllowed, store.isComplete, store.holdsLines], [false, false, true]);
  store.keepUnsent([]);
  assert.deepEqual([store.unsent, store.holdsLines, new Store("http://one/").device], [[], false, {}]);
});

test("what a full storage does not take is remembered, and kept once there is space", () => {
  const shelf = new Shelf();
  const store = new Store("http://one/", shelf);
  const { setItem } = shelf;
  shelf.setItem = () => { throw new Error("full"); };
  store.keepDevice({ nick: "ada" });
  store.keepReturned([]);
  store.claim();
  assert.deepEqual([store.device.nick, store.isComplete, store.holdsLines], ["ada", false, false]);
  store.keepUnsent([post("a")]);
  assert.deepEqual([store.unsent, store.holdsLines, shelf.size], [[post("a")], true, 0]);
  shelf.setItem = setItem;
  const later = new Store("http://one/", shelf);
  later.claim();
  store.retry();
  assert.deepEqual([store.isComplete, store.holdsLines, later.unsent, later.isOurs], [true, false, [post("a")], true]);
});

test("a key is lost with a window only where none of the stored texts has it", () => {
  const shelf = new Shelf();
  const store = new Store("http://one/", shelf);
  assert.equal(store.losesKey, false);
  store.keepDevice({ key: "first" });
  assert.equal(store.losesKey, false);
  const { setItem } = shelf;
  shelf.setItem = () => { throw new Error("full"); };
  store.keepDevice({ key: "first", nick: "ada" });
  assert.deepEqual([store.losesKey, store.isComplete], [false, false]);
  store.keepDevice({ key: "first", joining: { key: "second", invite: "i" } });
  assert.equal(store.losesKey, true);
  shelf.setItem = setItem;
  store.retry();
  assert.deepEqual([store.losesKey, store.isComplete], [false, true]);
  const unkept = new Store("http://one/", undefined);
  unkept.keepDevice({ key: "third" });
  assert.equal(unkept.losesKey, true);
  unkept.forget();
  assert.equal(unkept.losesKey, false);
});

test("a line costs the same however many wait before it, and nothing once it is answered", () => {
  const shelf = new Shelf();
  const store = new Store("http://one/", shelf);
  const many = Array.from({ length: 100 }, (_, index) => post(`i${index}`));
  store.keepUnsent(many);
  let touched = 0;
  for (const name of ["getItem", "setItem", "key"]) {
    const act = shelf[name];
    shelf[name] = (...values) => (touched++, act(...values));
  }
  store.keepUnsent([...many, post("last")]);
  assert.ok(touched <= 5, `${touched} accesses`);
  store.keepUnsent([]);
  assert.deepEqual([...shelf.keys()], ["chatcore http://one/ @ last"]);
});

test("two windows keep their unsent lines beside each other, in the order in which they were written", () => {
  const shelf = new Shelf();
  const [first, second] = [new Store("http://one/", shelf), new Store("http://one/", shelf)];
  first.keepUnsent([post("b"), post("a")]);
  second.keepUnsent([post("c")]);
  first.keepUnsent([post("b"), post("a"), post("d")]);
  assert.deepEqual(first.unsent, [post("b"), post("a"), post("c"), post("d")]);
  first.keepUnsent([{ ...post("a"), at: 2 }]);
  assert.deepEqual(second.unsent, [{ ...post("a"), at: 2 }, post("c")]);
  first.keepUnsent([{ ...post("a"), at: 2, wasSent: true }]);
  assert.deepEqual(second.unsent[0], { ...post("a"), at: 2, wasSent: true });
});

test("the window that was opened last has the chat", () => {
  const shelf = new Shelf();
  const [first, second] = [new Store("http://one/", shelf), new Store("http://one/", shelf)];
  first.claim();
  assert.deepEqual([first.isOurs, second.isOurs], [true, false]);
  second.claim();
  assert.deepEqual([first.isOurs, second.isOurs], [false, true]);
  first.claim();
  assert.deepEqual([first.isOurs, second.isOurs], [true, false]);
});

test("a window that cannot claim the chat, since the storage is full, has it until another one does", () => {
  const shelf = new Shelf();
  const [first, second, third] = [1, 2, 3].map(() => new Store("http://one/", shelf));
  first.claim();
  const { setItem } = shelf;
  shelf.setItem = () => { throw new Error("full"); };
  second.claim();
  assert.equal(second.isOurs, true);
  shelf.setItem = setItem;
  third.claim();
  assert.deepEqual([first.isOurs, second.isOurs, third.isOurs], [false, false, true]);
});

/** A chat that only knows what it has posted. */
class Poster {
  posted = [];
  nick = "ada";

  get unsent() {
    return this.posted;
  }

  post(room, text, { id }) {
    this.posted.push({ room, text, id });
  }
}

test("what another window has posted meanwhile is taken over once, and nothing that is older", () => {
  const store = new Store("http://one/", new Shelf());
  const chat = new Poster();
  const reader = new Reader(chat, new Posts([], []), store, { changed() {}, show() {}, edit() {} });
  const later = { ...post("later"), at: Date.now() + 1000 };
  store.keepUnsent([post("older"), later]);
  reader.adopt();
  assert.deepEqual(chat.posted.map(({ id }) => id), ["later"]);
  store.keepUnsent([{ ...later, id: "stale" }]);
  reader.adopt();
  assert.deepEqual(chat.posted.map(({ id }) => id), ["later"]);
});

const cases = JSON.parse(readFileSync(new URL("mentions.json", import.meta.url), "utf8"));
for (const { name, text, found } of cases)
  test(`${JSON.stringify(text)} ${found ? "mentions" : "does not mention"} ${name || "nobody"}`, () => {
    assert.equal(mentions(text, name), found);
  });
