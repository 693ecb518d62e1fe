// What the page says of its connection, and of what this browser keeps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { State } from "../../transports/web/page-state.js";

const kept = { isComplete: true, isAllowed: true };
const lost = { type: "offline", reason: "lost", retryIn: 1 };

test("a proxy is named only where connections fail again and again while the page loads", async () => {
  for (const loads of [true, false]) {
    const state = new State(async () => loads);
    assert.equal(state.wordsFor("connecting", kept), "connecting…");
    await state.goOffline(lost);
    assert.equal(state.wordsFor("offline", kept), "offline: no connection yet; trying again");
    await state.goOffline(lost);
    assert.equal(/proxy/.test(state.wordsFor("offline", kept)), loads);
  }
});

test("whoever had a connection, or was refused by the server, is told nothing of a proxy", async () => {
  const state = new State(async () => true);
  for (let count = 0; count < 3; count++) await state.goOffline({ ...lost, reason: "limit_exceeded", message: "the server is full" });
  assert.equal(state.wordsFor("offline", kept), "offline: the server is full; trying again");
  assert.equal(state.wordsFor("live", kept), "");
  for (let count = 0; count < 3; count++) await state.goOffline(lost);
  assert.equal(state.wordsFor("connecting", kept), "offline: the connection was lost; trying again");
});

test("a refusal is said in the server's words, unless the page has better ones", async () => {
  const said = async (reason, message) => {
    const state = new State();
    await state.goOffline({ ...lost, reason, message });
    return state.wordsFor("offline", kept);
  };
  const words = "there are too many connections from your address";
  assert.equal(await said("limit_exceeded", words), `offline: ${words}; trying again`);
  assert.equal(await said("unavailable", "the disk is full"), "offline: the disk is full; trying again");
  assert.equal(await said("nick_taken", "ada is taken"), "offline: your name is in use; trying again");
  assert.equal(await said("maintenance"), "offline: maintenance; trying again");
});

test("that nothing can be kept is said as long as it is so, and why", () => {
  const state = new State();
  assert.match(state.wordsFor("live", { isComplete: false, isAllowed: false }), /lets the page keep nothing/);
  assert.match(state.wordsFor("live", { isComplete: false, isAllowed: true }), /is full/);
  assert.match(state.wordsFor("live", { isComplete: false, losesKey: true }), /your key and what is not sent are lost/);
  assert.match(state.wordsFor("closed", { isComplete: false, isAllowed: true }), /^closed\. The storage/);
  assert.equal(state.wordsFor("live", kept), "");
});
