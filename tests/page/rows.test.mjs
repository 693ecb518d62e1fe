// The rows of a room, as data: where a line of our own stands before and after it is stored.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Posts } from "../../transports/web/page-posts.js";
import { Reader } from "../../transports/web/page-reader.js";
import { rowsOf } from "../../transports/web/page-rows.js";

const SERVER = Date.parse("2026-11-23T12:00:00Z");
const MINUTE = 60_000;
const chat = { nick: "ada", isMine: () => true, isReplay: () => false };
const owner = { changed() {}, show() {}, edit() {} };
const message = (seq, at) => ({ type: "message", room: "lobby", seq, prev: seq - 1, id: `i${seq}`, nick: "ada", text: "",
  at: new Date(at).toISOString() });
const roomOf = (entries) => ({ isAtEnd: true, mark: undefined, window: { epoch: "e", entries } });
const placeOf = (row) => row.version.split(" ").slice(-2).join(" ");

for (const ahead of [0, 10 * MINUTE, -10 * MINUTE, 2 * 24 * 60 * MINUTE])
  test(`a line stands where it will when it is stored, on a clock ${ahead / MINUTE} minutes ahead`, (context) => {
    context.mock.timers.enable({ apis: ["Date"], now: SERVER + ahead });
    const reader = new Reader(chat, new Posts([], []), { keepReturned() {} }, owner);
    const [first, second] = [message(1, SERVER), message(2, SERVER + MINUTE)];
    reader.receive(first);
    const post = { room: "lobby", id: "i2", text: "", at: SERVER + ahead + MINUTE };
    const [, pending] = rowsOf(roomOf([first]), [{ post, isReturned: false }], reader);
    const [, stored] = rowsOf(roomOf([first, second]), [], reader);
    assert.equal(placeOf(pending), "false true");
    assert.equal(placeOf(stored), placeOf(pending));
  });
