// The law of reading by itself, in rooms and in pages, against the golden frames of docs/frames.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ProtocolError, entriesOf } from "../../transports/web/client.js";
import { checkFound, checkPage } from "../../transports/web/client-pages.js";
import { Rooms, endsOf } from "../../transports/web/client-rooms.js";

const golden = readFileSync(new URL("../../docs/frames/server.ndjson", import.meta.url), "utf8")
  .trim().split("\n").map((line) => JSON.parse(line));
const of = (type) => golden.filter((frame) => frame.type === type);

const join = (more) => ({ type: "join", room: "lobby", ...more });
const joined = (after, head, epoch = "e1") => ({ type: "joined", room: "lobby", epoch, after, head, count: 1 });
const message = (prev, seq) => ({ type: "message", room: "lobby", prev, seq, id: `${seq}`, nick: "ada", text: "x", at: "" });
const gap = (after, through, reason = "expired") => ({ type: "gap", room: "lobby", after, through, reason });

/** A room that was read up to a number. */
function at(seq, head = seq) {
  const rooms = new Rooms();
  rooms.enter(joined(seq, head), join(seq < head ? { history: 10 } : {}));
  return rooms;
}

/** One after a join that resumed somewhere. */
function resumed(after, answer) {
  const rooms = new Rooms();
  rooms.enter(answer, join({ after }));
  return rooms;
}

const breaks = (call) => assert.throws(call, ProtocolError);

for (const frame of [...of("message"), ...of("gap").filter(({ reason }) => reason !== "reset")])
  test(`from ${endsOf(frame)[0]}, ${JSON.stringify(frame).slice(0, 60)} is read, and from nowhere else`, () => {
    const [start, end] = endsOf(frame);
    const rooms = at(start);
    assert.equal(rooms.receive(frame), true);
    assert.deepEqual(rooms.position("LOBBY"), { epoch: "e1", seq: end });
    breaks(() => rooms.receive(frame));
    breaks(() => at(start + 1).receive(frame));
    if (start > 0) breaks(() => at(start - 1).receive(frame));
  });

test("messages and gaps follow each other, and numbers may be left out", () => {
  const rooms = at(0, 9);
  for (const entry of [gap(0, 3), message(3, 4), message(4, 7), gap(7, 8, "damaged"), message(8, 9)]) rooms.receive(entry);
  assert.deepEqual(rooms.position("lobby"), { epoch: "e1", seq: 9 });
  assert.equal(rooms.isReplay(message(8, 9)), true);
  assert.equal(rooms.isReplay(message(9, 10)), false);
});

test("nothing is skipped, repeated or turned around", () => {
  for (const entry of [message(6, 7), message(4, 6), message(5, 5), message(5, 4), gap(5, 5), gap(5, 4), gap(0, 0, "reset")])
    breaks(() => at(5).receive(entry));
  for (const end of [undefined, null, "6", 5.5, NaN, Infinity, 2 ** 53]) breaks(() => at(5).receive(message(5, end)));
  breaks(() => at(5).receive(message(undefined, 6)));
});

test("frames of rooms that we have left are passed over", () => {
  const rooms = at(5);
  rooms.leave("Lobby");
  assert.equal(rooms.receive(message(9, 10)), false);
  assert.equal(rooms.position("lobby"), undefined);
});

test("a join begins at the end, before it for history, or at our position", () => {
  breaks(() => at(6, 5));
  breaks(() => new Rooms().enter(joined(3, 5), join()));
  breaks(() => new Rooms().enter(joined(3, 5), undefined));
  for (const answer of [joined(NaN, 5), joined("5", 5), { ...joined(5, 5), epoch: 7 }])
    breaks(() => new Rooms().enter(answer, join()));
  const rooms = resumed({ epoch: "e1", seq: 3 }, joined(3, 5));
  rooms.receive(message(3, 4));
  breaks(() => resumed({ epoch: "e1", seq: 3 }, joined(4, 5)));
  breaks(() => resumed({ epoch: "e1", seq: 3 }, joined(0, 5)));
});

test("another log begins at 0, and a reset says so first, once", () => {
  for (const answer of [joined(0, 5, "e2"), joined(0, 2)]) {
    const rooms = resumed({ epoch: "e1", seq: 3 }, answer);
    breaks(() => rooms.receive(message(0, 1)));
    rooms.receive(gap(0, 0, "reset"));
    breaks(() => rooms.receive(gap(0, 0, "reset")));
    rooms.receive(gap(0, 4));
    assert.equal(rooms.position("lobby").seq, 4);
  }
  breaks(() => resumed({ epoch: "e1", seq: 3 }, joined(3, 5, "e2")));
});

test("a room is joined again for another log, or because we asked", () => {
  const rooms = at(5);
  breaks(() => rooms.enter(joined(5, 5), undefined));
  rooms.enter(joined(0, 1, "e2"), undefined);
  rooms.receive(gap(0, 0, "reset"));
  rooms.receive(message(0, 1));
  assert.deepEqual(rooms.resume(), [{ type: "join", room: "lobby", after: { epoch: "e2", seq: 1 }, history: undefined }]);
  assert.equal(rooms.isAwaited("LOBBY"), true);
  rooms.enter(joined(1, 3, "e2"), undefined);
  assert.equal(rooms.isAwaited("lobby"), false);
  rooms.receive(message(1, 3));
});

test("rooms are asked for again when it is time", () => {
  const rooms = at(5);
  rooms.resume();
  assert.equal(rooms.deadline, Infinity);
  rooms.askAgain("lobby", 7);
  assert.equal(rooms.deadline, 7);
  assert.deepEqual(rooms.dueJoins(6.9), []);
  assert.deepEqual(rooms.dueJoins(7).map(({ room }) => room), ["lobby"]);
  assert.equal(rooms.deadline, Infinity);
});

for (const page of of("page"))
  test(`the page ${JSON.stringify(page).slice(0, 90)} is in order, and no other is`, () => {
    const entries = entriesOf(page);
    assert.equal(entries.length, page.messages.length + (page.gaps ?? []).length);
    for (const [index, entry] of entries.slice(1).entries()) assert.equal(endsOf(entry)[0], endsOf(entries[index])[1]);
    if (!page.messages.length) return;
    for (const broken of brokenPages(page)) breaks(() => entriesOf(broken));
  });

function* brokenPages(page) {
  yield { ...page, base: page.base + 1 };
  yield { ...page, messages: page.messages.slice(1) };
  yield { ...page, messages: [page.messages[0], ...page.messages] };
  yield { ...page, messages: page.messages.map((each) => ({ ...each, room: "ops" })) };
  yield { ...page, messages: page.messages.map((each) => ({ ...each, prev: each.seq })) };
}

test("a page has to be the one that was asked for", () => {
  const page = { type: "page", room: "lobby", epoch: "e1", base: 3, more: true, messages: [message(3, 4), message(4, 5)] };
  for (const asked of [{ after: 3 }, { before: 6, limit: 2 }, { after: 9, epoch: "e0" }, {}])
    checkPage(page, { type: "history", room: "Lobby", ...asked });
  for (const asked of [{ after: 2 }, { after: 4 }, { before: 5 }, { limit: 1 }, { room: "ops" }])
    breaks(() => checkPage(page, { type: "history", room: "lobby", ...asked }));
});

test("what is found has to be what was asked for, and to lead further", () => {
  const found = { type: "found", cursor: "c2", messages: [message(3, 4), message(1, 2)] };
  for (const asked of [{}, { room: "LOBBY" }, { cursor: "c1", limit: 2 }]) checkFound(found, { type: "search", ...asked });
  for (const asked of [{ room: "ops" }, { cursor: "c2" }, { limit: 1 }])
    breaks(() => checkFound(found, { type: "search", ...asked }));
});
