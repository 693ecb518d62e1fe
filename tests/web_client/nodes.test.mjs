// Three servers that share a log: a chat with the addresses of all continues at the next one when its own is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, said } from "./server.mjs";

const nodes = process.env.NODES.split(",");
const processes = process.env.PROCESSES.split(",").map(Number);

test("after a kill and a drain a chat is the same person at the next address, and nothing is lost", async (t) => {
  const [ada, bob] = [new Person(t, nodes, "ada"), new Person(t, nodes[2], "bob")];
  await Promise.all([ada, bob].map(({ chat }) => chat.join("lobby")));
  const post = (last, first) => {
    for (const text of said(last, first)) ada.chat.post("lobby", text);
  };
  post(100, 1);
  await bob.when(() => bob.texts().length >= 10);
  process.kill(processes[0], "SIGKILL");
  await ada.until("offline");
  post(150, 101);
  await ada.until("welcome");
  await bob.when(() => bob.texts().length >= 110);
  process.kill(processes[1], "SIGTERM");
  await ada.until("offline");
  post(200, 151);
  for (const person of [ada, bob]) await person.when(() => person.texts().at(-1) === "200");
  await ada.when(() => ada.chat.unsent.length === 0);
  for (const person of [ada, bob]) assert.deepEqual(person.texts(), said(200));
  assert.deepEqual([...ada.of("gap"), ...ada.of("stale"), ...ada.of("refused"), ...bob.of("offline")], []);
  assert.deepEqual(ada.of("offline").map(({ reason }) => reason), ["lost", "drain"]);
  assert.deepEqual((await bob.chat.who("lobby")).sort(), ["ada", "bob"]);
});
