// A room of the page, over a log that answers like a server: what is unread, where it opens, and pages in turn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room } from "../../transports/web/page-room.js";

const EPOCH = "e";
const entry = (seq) => ({ type: "message", room: "lobby", seq, prev: seq - 1, id: `i${seq}`, nick: "bob", text: "", at: "" });
const reader = { isMine: (message) => message.nick === "ada", isMention: (message) => message.text === "ada" };
const theirs = { isMine: false, isMention: false };

/** A chat whose room holds messages 1 to `head`, of which the client has read up to `seq`. */
class Log {
  epoch = EPOCH;
  asked = [];

  constructor(head, seq = head) {
    this.head = head;
    this.seq = seq;
  }

  /** So much later that anything else is answered before. */
  #later() {
    return new Promise((resolve) => setImmediate(resolve));
  }

  position() {
    return { epoch: this.epoch, seq: this.seq };
  }

  async who() {
    return ["ada", "bob"];
  }

  async history(room, { before = Infinity, after, limit }) {
    this.asked.push(before < Infinity ? `before ${before}` : after === undefined ? "last" : `after ${after}`);
    if (before < Infinity) await this.#later();
    const last = Math.min(after === undefined ? this.head : after + limit, before - 1, this.head);
    const base = after ?? Math.max(last - limit, 0);
    const messages = Array.from({ length: last - base }, (_, index) => entry(base + 1 + index));
    const more = after === undefined ? base > 0 : last < this.head;
    return { type: "page", room, epoch: this.epoch, base, more, messages };
  }
}

const placeAt = (read, seq = read, unread = 0) => ({ epoch: EPOCH, seq, read, unread, mentions: 0 });
const roomOf = (log, kept) => new Room("lobby", log, kept, () => {});
const joined = (log, after) => ({ room: "lobby", epoch: log.epoch, after, head: log.head, count: 2 });

/** Read what is between two positions, as a client does. */
function read(room, log, first, last, about = theirs) {
  for (let seq = first; seq <= last; seq++) {
    log.seq = seq;
    log.head = Math.max(log.head, seq);
    room.receive(entry(seq), about);
  }
}

test("what a new room shows of the past is not unread, and what follows is", () => {
  const log = new Log(10, 5);
  const room = roomOf(log);
  room.enter(joined(log, 5));
  read(room, log, 6, 10);
  assert.deepEqual([room.unread, room.mark], [0, undefined]);
  read(room, log, 11, 12);
  read(room, log, 13, 13, { isMine: true, isMention: false });
  read(room, log, 14, 14, { isMine: false, isMention: true });
  assert.deepEqual([room.unread, room.mentions], [3, 1]);
  room.see(12, reader);
  assert.deepEqual([room.unread, room.mentions], [1, 1]);
  room.see(14, reader);
  assert.deepEqual([room.unread, room.mentions], [0, 0]);
});

test("a room opens at its read mark once all that was missed is here", () => {
  const log = new Log(30, 20);
  const room = roomOf(log, placeAt(15, 20, 5));
  room.enter(joined(log, 20));
  assert.deepEqual([room.mark, room.opensAtMark, room.isCaughtUp], [15, true, false]);
  read(room, log, 21, 30);
  assert.deepEqual([room.unread, room.isCaughtUp], [15, true]);
});

test("the window goes back to a read mark that is before it", async () => {
  const log = new Log(500, 490);
  const room = roomOf(log, placeAt(300, 490, 190));
  room.enter(joined(log, 490));
  read(room, log, 491, 500);
  assert.equal(await room.goToMark(), true);
  assert.deepEqual([room.window.start, room.window.end, room.isAtEnd], [250, 400, false]);
});

test("the window goes where messages were left out, if the read mark is before them", async () => {
  const log = new Log(1000, 100);
  const room = roomOf(log, placeAt(100));
  room.enter(joined(log, 100));
  room.receive({ type: "gap", room: "lobby", after: 100, through: 900, reason: "skipped", count: 800 }, theirs);
  read(room, log, 901, 1000);
  await room.goToMark();
  assert.deepEqual([room.window.start, room.window.end], [50, 200]);
});

test("whoever goes to the end meanwhile is not taken to the read mark", async () => {
  const log = new Log(500, 490);
  const room = roomOf(log, placeAt(300, 490, 190));
  room.enter(joined(log, 490));
  read(room, log, 491, 500);
  const way = room.goToMark();
  room.goToEnd();
  assert.equal(await way, false);
  assert.deepEqual([room.isAtEnd, room.opensAtMark], [true, false]);
});

test("what the window leaves out is not read, until its user goes to the end", () => {
  const log = new Log(1000, 100);
  const room = roomOf(log, placeAt(100));
  room.enter(joined(log, 100));
  room.receive({ type: "gap", room: "lobby", after: 100, through: 900, reason: "skipped", count: 800 }, theirs);
  read(room, log, 901, 1000);
  room.see(950, reader);
  assert.deepEqual([room.read, room.unread], [100, 900]);
  room.see(1000, reader);
  assert.deepEqual([room.read, room.unread], [1000, 0]);
});

test("what is before the window is not read by who looks at a message far below", async () => {
  const log = new Log(1000);
  const room = roomOf(log, placeAt(100, 1000, 900));
  room.enter(joined(log, 1000));
  await room.goTo(600);
  room.see(620, reader);
  assert.deepEqual([room.read, room.unread], [100, 900]);
  await room.goTo(101);
  room.see(120, reader);
  assert.deepEqual([room.read, room.unread], [120, 880]);
});

test("after a loss the room opens at the read mark, unless its user reads above", () => {
  for (const isFollowing of [true, false]) {
    const log = new Log(10);
    const room = roomOf(log);
    room.enter(joined(log, 0));
    read(room, log, 1, 10);
    room.follow(isFollowing);
    log.head = 30;
    room.enter(joined(log, 10));
    assert.deepEqual([room.mark, room.opensAtMark], [10, isFollowing]);
  }
});

test("a log that has lost its last messages starts over", () => {
  const log = new Log(10);
  const room = roomOf(log, placeAt(20));
  room.enter(joined(log, 0));
  assert.deepEqual([room.read, room.mark, room.window.end], [0, undefined, 0]);
  read(room, log, 1, 10);
  log.head = 5;
  room.enter(joined(log, 0));
  read(room, log, 1, 5);
  assert.deepEqual([room.window.end, room.window.entries.length, room.unread], [5, 5, 5]);
});

test("messages that were left out count as unread", () => {
  const log = new Log(1000, 900);
  const room = roomOf(log, placeAt(100));
  room.enter(joined(log, 100));
  room.receive({ type: "gap", room: "lobby", after: 100, through: 900, reason: "skipped", count: 800 }, theirs);
  read(room, log, 901, 1000);
  assert.equal(room.unread, 900);
});

test("a room that starts over has nothing unread, and another log in its window", () => {
  const log = new Log(10);
  const room = roomOf(log, placeAt(8, 10, 2));
  room.enter(joined(log, 10));
  log.epoch = "other";
  log.head = log.seq = 0;
  room.enter(joined(log, 0));
  assert.deepEqual([room.unread, room.read, room.mark, room.window.epoch, room.window.end], [0, 0, undefined, "other", 0]);
  assert.equal(room.place.epoch, "other");
});

test("whoever reads far above has nothing put under their eyes, and finds the end again", async () => {
  const log = new Log(400, 0);
  const room = roomOf(log);
  room.enter(joined(log, 0));
  read(room, log, 1, 400);
  room.follow(false);
  read(room, log, 401, 600);
  assert.deepEqual([room.window.end, room.isAtEnd], [400, false]);
  await room.loadNewer();
  assert.deepEqual([room.window.end, room.isAtEnd], [500, false]);
  room.goToEnd();
  assert.deepEqual([room.window.end, room.isAtEnd], [600, true]);
});

test("the way to the end needs no server, and a page that comes later changes nothing", async () => {
  const log = new Log(1000, 600);
  const room = roomOf(log);
  room.enter(joined(log, 600));
  read(room, log, 601, 1000);
  room.follow(false);
  const older = room.loadOlder();
  room.goToEnd();
  assert.deepEqual([log.asked, room.isAtEnd], [["before 601"], true]);
  room.trim();
  await older;
  assert.deepEqual([room.window.start, room.window.end, room.window.hasOlder], [610, 1000, true]);
});

test("what comes while its user reads at the end of a page continues it", async () => {
  const log = new Log(1000, 500);
  const room = roomOf(log, placeAt(400, 500, 100));
  room.enter(joined(log, 500));
  read(room, log, 501, 1000);
  await room.goTo(980);
  assert.deepEqual([room.window.end, room.isAtEnd], [1000, true]);
  read(room, log, 1001, 1002);
  assert.deepEqual([room.window.end, room.window.entries.length], [1002, 72]);
});

test("an older page does not cost the end that is in sight", async () => {
  const log = new Log(1000, 0);
  const room = roomOf(log);
  room.enter(joined(log, 0));
  read(room, log, 1, 1000);
  room.trim();
  await room.loadOlder();
  assert.deepEqual([log.asked, room.isAtEnd], [[], true]);
  room.follow(false);
  await room.loadOlder();
  assert.deepEqual([log.asked, room.isAtEnd], [["before 611"], false]);
});

test("what is kept of a room that was not entered is what was kept", () => {
  const kept = placeAt(5, 9, 4);
  assert.deepEqual(roomOf(new Log(20), kept).place, kept);
});
