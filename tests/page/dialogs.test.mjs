// What the dialogs ask, without a browser: at once or not at all, until they are closed; and where Enter leads.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./globals.mjs";
import { wordsForModerated } from "../../transports/web/page-me.js";
import { Question } from "../../transports/web/page-question.js";
import { choiceOf, offersFor } from "../../transports/web/page-switcher.js";

/** What a chat does with a question that has no answer. */
const unanswered = (signal) => new Promise((_, reject) =>
  signal.addEventListener("abort", () => reject(new Error("withdrawn")), { once: true }));

test("nothing is asked while there is no connection", async () => {
  let asked = 0;
  const question = new Question({ state: "offline" });
  await assert.rejects(question.ask(async () => asked++), /no connection now/);
  assert.equal(asked, 0);
});

test("what was asked is withdrawn when its dialog is closed, or the next thing is asked", async () => {
  const question = new Question({ state: "live" });
  const first = assert.rejects(question.ask(unanswered), /withdrawn/);
  const second = assert.rejects(question.ask(unanswered), /withdrawn/);
  await first;
  question.withdraw();
  await second;
  assert.equal(await question.ask(async () => "answered"), "answered");
});

test("nobody waits for ever", async () => {
  await assert.rejects(new Question({ state: "live" }, 1).ask(unanswered),
    { name: "NoAnswer", message: "the server does not answer" });
});

const rooms = ["annex", "lobby", "Nex"].map((room) => ({ room, count: 1 }));
const namesFor = (typed) => offersFor(rooms, typed).found.map(({ room }) => room);

test("Enter leads to the room of that name or to the first one, and makes one only where nothing else is offered", () => {
  assert.equal(choiceOf(rooms, "lob"), "lobby");
  assert.equal(choiceOf(rooms, "LOBBY"), "lobby");
  assert.deepEqual(namesFor("nex"), ["Nex", "annex"]);
  assert.equal(choiceOf(rooms, "nex"), "Nex");
  assert.equal(choiceOf(rooms, "nnex"), "annex");
  assert.equal(choiceOf(rooms, "den"), "den");
  assert.equal(choiceOf(rooms, "no name"), undefined);
});

test("a new room is offered beside those that have what was typed in their names", () => {
  assert.equal(offersFor(rooms, "lob").other, "lob");
  assert.equal(offersFor(rooms, "Lobby").other, undefined);
  assert.equal(offersFor(rooms, "no name").other, undefined);
  assert.equal(offersFor(rooms, "").other, undefined);
});

test("what a moderator does to us, and our own act whose answer came late, are said in words", () => {
  const said = (moderated) => wordsForModerated({ type: "moderated", ...moderated });
  assert.equal(said({ act: "mute", room: "den", nick: "ada" }), "You may read, but not write in #den.");
  assert.equal(said({ act: "lift", nick: "ada" }), "You may write again on this server.");
  assert.equal(said({ act: "kick", room: "den", nick: "ada" }), "A moderator has changed what you may do in #den.");
  assert.equal(said({ act: "kick", room: "den", nick: "bob", token: "t1" }), "Done after all: kick bob in #den.");
  assert.equal(said({ act: "admit", room: "den", nick: "bob", token: "t2" }), "Done after all: admit bob in #den.");
});
