// Clients and a real server: what they say, ask and are refused.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { DisconnectedError, RefusedError, UsageError, entriesOf, newKey } from "../../transports/web/client.js";
import { Person, chat, pause, place, said, serve } from "./server.mjs";

const house = { ends: [], after: (end) => house.ends.unshift(end) };
const limits = ["--limit", "rooms_per_session=2", "--limit", "text_bytes=1000"];
const args = ["--journal", `sqlite:${place(house)}/chat.db`, ...limits];
const { url, child } = await serve(house, { args });

after(async () => {
  for (const end of house.ends) await end();
});

const MINUTE = 60_000;

const isRefusal = (code) => (error) => error instanceof RefusedError && error.code === code;

test("two people talk, and each reads both in one order", async (t) => {
  const [ada, bob] = [new Person(t, url, "ada"), new Person(t, url, "bob")];
  await Promise.all([ada.chat.join("talk"), bob.chat.join("Talk")]);
  const posts = said(20).map((text, index) => (index % 2 ? ada : bob).chat.post("talk", text));
  await Promise.all(posts.map((post) => post.stored));
  for (const person of [ada, bob]) await person.when(() => person.texts("talk").length === 20);
  assert.deepEqual(ada.texts("talk"), bob.texts("talk"));
  assert.deepEqual([...ada.texts("talk")].sort(), said(20).sort());
  assert.deepEqual(ada.texts("talk").filter((text) => text % 2 === 0), said(20).filter((text) => text % 2 === 0));
  for (const message of ada.of("message")) assert.equal(ada.chat.isMine(message), message.nick === "ada");
  assert.deepEqual(ada.chat.unsent, []);
});

test("text comes as it was, whatever is in it", async (t) => {
  const ada = new Person(t, url, "ada");
  await ada.chat.join("texts");
  const texts = ["<img src=x onerror=alert(1)>", "two\nlines\tand \"quotes\" \\", "🐸 ünïcödé \u202e", "\u2028"];
  for (const text of [...texts, "half \ud83d"]) await ada.chat.post("texts", text).stored;
  await ada.chat.post("texts", "looks around", { kind: "action" }).stored;
  await ada.chat.post("texts", "yes", { kind: "x.vote", target: 1 }).stored;
  await ada.when(() => ada.texts("texts").length === 7);
  assert.deepEqual(ada.texts("texts").slice(0, 5), [...texts, "half \ufffd"]);
  const [action, vote] = ada.of("message").slice(5);
  assert.deepEqual([action.kind, action.target, vote.kind, vote.target], ["action", undefined, "x.vote", 1]);
});

test("whoever comes with the secret takes over, and nobody fights", async (t) => {
  const ada = new Person(t, url, "ada");
  assert.equal((await ada.chat.welcomed).nick, "ada");
  await ada.chat.join("takeover");
  const other = new Person(t, url, "ada", { session: ada.chat.session });
  const { error } = await ada.until("closed");
  assert.ok(error instanceof DisconnectedError);
  assert.equal(error.reason, "taken_over");
  assert.equal(ada.chat.state, "closed");
  ada.chat.wake();
  assert.throws(() => ada.chat.post("takeover", "still me"), error);
  await other.chat.join("takeover");
  await other.chat.post("takeover", "here now").stored;
  assert.equal(other.chat.state, "live");
  assert.equal(ada.of("connecting").length, 1);
});

test("whoever was away for long gets the last messages, and is told what was skipped", async (t) => {
  const [ada, bob] = [new Person(t, url, "ada"), new Person(t, url, "bob")];
  await Promise.all([ada.chat.join("away"), bob.chat.join("away")]);
  await bob.chat.post("away", "1").stored;
  await ada.until("message");
  const [after, session] = [ada.chat.position("away"), ada.chat.session];
  await ada.chat.close();
  for (const text of said(50, 2)) bob.chat.post("away", text);
  await bob.when(() => bob.texts("away").length === 50);
  const again = new Person(t, url, "ada", { session });
  await again.chat.join("away", { after, history: 5 });
  await again.when(() => again.texts("away").length === 5);
  assert.deepEqual(again.of("gap").map(({ reason, count }) => [reason, count]), [["skipped", 44]]);
  assert.deepEqual(again.texts("away"), said(50, 46));
  const [gap] = again.of("gap");
  const page = await again.chat.history("away", { after: gap.after, before: gap.through + 1 });
  assert.deepEqual(entriesOf(page).map((message) => message.text), said(45, 2));
  assert.ok(again.of("message").every((message) => again.chat.isReplay(message)));
});

test("a server is asked for pages, rooms, members, messages and a sign of life", async (t) => {
  const [ada, bob] = [new Person(t, url, "ada"), new Person(t, url, "bob")];
  await Promise.all([ada.chat.join("asked"), ada.chat.join("ops"), bob.chat.join("asked")]);
  for (const text of said(30)) ada.chat.post("ops", text);
  await ada.chat.post("asked", "the disk is full").stored;
  await ada.when(() => ada.texts("ops").length === 30);
  const newest = await ada.chat.history("ops", { limit: 10 });
  const older = await ada.chat.history("ops", { before: newest.base + 1, limit: 10, epoch: newest.epoch });
  assert.deepEqual([older, newest].flatMap((page) => page.messages.map(({ text }) => text)), said(30, 11));
  assert.equal(older.more, true);
  assert.deepEqual((await ada.chat.who("Asked")).sort(), ["ada", "bob"]);
  const listed = await bob.chat.listRooms({ prefix: "O" });
  assert.deepEqual(listed.rooms.map(({ room, count }) => [room, count]), [["ops", 1]]);
  assert.deepEqual((await ada.chat.search({ query: "disk" })).messages.map(({ room }) => room), ["asked"]);
  assert.ok((await ada.chat.ping()) >= 0);
  assert.equal((await ada.chat.setNick("ada2")).nick, "ada2");
  assert.equal(ada.chat.nick, "ada2");
  assert.equal((await ada.chat.leave("ops")).room, "ops");
  assert.deepEqual(ada.chat.rooms, ["asked"]);
});

describe("refusals", () => {
  test("have a code, and name what they are about", async (t) => {
    const ada = new Person(t, url, "ada");
    const bob = new Person(t, url, "bob");
    await Promise.all([ada.chat.join("refused"), bob.chat.welcomed]);
    await assert.rejects(ada.chat.post("nowhere", "hello").stored, isRefusal("not_joined"));
    await assert.rejects(ada.chat.who("nowhere"), isRefusal("not_joined"));
    await assert.rejects(ada.chat.history("nowhere"), isRefusal("not_joined"));
    await assert.rejects(ada.chat.history("refused", { limit: 0 }), isRefusal("bad_frame"));
    await assert.rejects(ada.chat.join("refused"), isRefusal("bad_state"));
    await assert.rejects(ada.chat.setNick("admin"), isRefusal("bad_name"));
    await assert.rejects(ada.chat.setNick("bob"), isRefusal("nick_taken"));
    await assert.rejects(ada.chat.post("refused", "bell \x07").stored, isRefusal("bad_text"));
    await assert.rejects(ada.chat.post("refused", "x".repeat(1001)).stored, isRefusal("too_long"));
    await assert.rejects(ada.chat.post("refused", "x".repeat(100_000)).stored, isRefusal("too_long"));
    await assert.rejects(ada.chat.post("refused", "x", { kind: "edit" }).stored, isRefusal("unknown_kind"));
    await assert.rejects(ada.chat.search({ query: "-" }), isRefusal("bad_text"));
    await assert.rejects(ada.chat.moderate("kick", { room: "refused", nick: "bob" }), RefusedError);
    await ada.chat.join("two");
    await assert.rejects(ada.chat.join("three"), isRefusal("limit_exceeded"));
    await ada.chat.post("refused", "one", { id: "1" }).stored;
    await assert.rejects(ada.chat.post("refused", "two", { id: "1" }).stored, isRefusal("conflict"));
    await ada.chat.post("refused", "one", { id: "1" }).stored;
    assert.deepEqual(ada.texts("refused"), ["one"]);
    const codes = ["not_joined", "bad_text", "too_long", "too_long", "unknown_kind", "conflict"];
    assert.deepEqual(ada.of("refused").map(({ error }) => error.code), codes);
    assert.deepEqual(ada.of("error"), []);
    assert.deepEqual(ada.chat.unsent, []);
  });

  test("of a nick that somebody has end the chat, so that another can be chosen", async (t) => {
    await new Person(t, url, "carl").chat.welcomed;
    const other = new Person(t, url, "Carl");
    await assert.rejects(other.chat.welcomed, isRefusal("nick_taken"));
    assert.equal((await other.until("closed")).error.code, "nick_taken");
  });

  test("of what no server could answer come before anything is sent", async (t) => {
    const dora = new Person(t, url, "dora");
    await assert.rejects(dora.chat.join("no room"), UsageError);
    assert.throws(() => dora.chat.post("refused", ""), UsageError);
    assert.throws(() => dora.chat.post("refused", "x", { id: "é" }), UsageError);
    assert.throws(() => new Person(t, url, "no nick"), UsageError);
    assert.throws(() => new Person(t, "ftp://127.0.0.1", "dora"), UsageError);
    assert.throws(() => new Person(t, url, "dora", { invite: "x" }), UsageError);
  });
});

test("what was sent too long ago is given back, and is stored once if its author sends it again", async (t) => {
  const ada = new Person(t, url, "ada");
  await ada.chat.join("stale");
  await ada.chat.post("stale", "old", { id: "old" }).stored;
  const { session } = ada.chat;
  await ada.chat.close();
  const unsent = [
    { room: "stale", id: "old", text: "old", at: Date.now() - 3 * MINUTE },
    { room: "stale", id: "new", text: "new", at: Date.now() - MINUTE },
  ];
  const again = new Person(t, url, "ada", { session, unsent });
  again.chat.join("stale").catch(() => {});
  const { posts } = await again.until("stale");
  assert.deepEqual(posts.map(({ id }) => id), ["old"]);
  await again.when(() => again.chat.unsent.length === 0);
  assert.equal((await again.chat.post("stale", "old", { id: "old" }).stored).seq, 1);
  assert.deepEqual(again.texts("stale"), ["new"]);
});

test("a server that stops answering is noticed by a post, and the post is stored once", async (t) => {
  const first = new Person(t, url, "ada");
  await first.chat.welcomed;
  first.chat.handOver(); // with its session a welcome that comes too late for our patience costs no nick
  const { session } = first.chat;
  const ada = new Person(t, url, "ada", { session, patience: { ack: 0.1, life: 0.2, welcome: 0.3 } });
  await ada.chat.join("silent");
  await pause(child);
  const post = ada.chat.post("silent", "are you there?");
  assert.equal((await ada.until("offline")).reason, "timeout");
  assert.equal((await ada.until("offline")).reason, "timeout");
  child.kill("SIGCONT");
  await post.stored;
  await ada.when(() => ada.texts("silent").length > 0);
  await ada.chat.ping();
  assert.deepEqual(ada.texts("silent"), ["are you there?"]);
});

test("accounts: an invite makes a key, the key is enough, and a device invites another one", async (t) => {
  const file = `${place(t)}/accounts.db`;
  chat("account", "add", "ada", "--accounts", file);
  const { url } = await serve(t, { args: ["--accounts", file, "--public-url", "https://chat.example.org/"] });
  const [, invite] = chat("invite", "--for", "ada", "--accounts", file).match(/#([\w-]+)/);
  await assert.rejects(new Person(t, url, "ada").chat.welcomed, isRefusal("unauthorized"));
  const key = newKey();
  const laptop = new Person(t, url, "ada", { key, invite });
  assert.equal((await laptop.chat.welcomed).account, "ada");
  const { invite: second } = await laptop.chat.inviteDevice();
  const phone = new Person(t, url, "ada", { key: newKey(), invite: second });
  assert.equal((await phone.chat.welcomed).account, "ada");
  await Promise.all([laptop.chat.join("accounts"), phone.chat.join("accounts")]);
  await phone.chat.post("accounts", "from my phone").stored;
  const message = await laptop.until("message");
  assert.ok(laptop.chat.isMine(message));
  assert.deepEqual(await laptop.chat.who("accounts"), ["ada"]);
  assert.equal((await laptop.chat.moderate("close", { room: "staff" })).act, "close");
  await laptop.chat.close();
  const again = new Person(t, url, "ada", { key });
  assert.equal((await again.chat.welcomed).role, "owner");
  const stranger = new Person(t, url, "bob", { key: newKey() });
  await assert.rejects(stranger.chat.welcomed, isRefusal("unauthorized"));
});

test("a device that forgets its key ends, the others stay, and the only owner has to keep one", async (t) => {
  const file = `${place(t)}/accounts.db`;
  chat("account", "add", "ada", "--accounts", file);
  const { url } = await serve(t, { args: ["--accounts", file, "--public-url", "https://chat.example.org/"] });
  const [, invite] = chat("invite", "--for", "ada", "--accounts", file).match(/#([\w-]+)/);
  const key = newKey();
  const laptop = new Person(t, url, "ada", { key, invite });
  await assert.rejects(laptop.chat.forgetDevice(), isRefusal("forbidden"));
  const { invite: second } = await laptop.chat.inviteDevice();
  const phone = new Person(t, url, "ada", { key: newKey(), invite: second });
  await phone.chat.welcomed;
  await laptop.chat.forgetDevice();
  const { error } = await laptop.until("closed");
  assert.ok(error instanceof DisconnectedError);
  assert.equal(error.reason, "revoked");
  await assert.rejects(new Person(t, url, "ada", { key }).chat.welcomed, isRefusal("unauthorized"));
  await phone.chat.ping();
  assert.equal(phone.chat.state, "live");
});
