// Connections that are lost: nothing is missing, stored twice or out of order, and what is not sure is said.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, fixedPort, place, said, serve } from "./server.mjs";

/** A server that can be killed, and started again with the same journal on the same port. */
async function durable(t) {
  const [port, args] = [await fixedPort(), ["--journal", `sqlite:${place(t)}/chat.db`]];
  const start = () => serve(t, { port, args });
  return { start, ...(await start()) };
}

test("over a kill and a restart of the server, all that was typed is there, once and in order", async (t) => {
  const first = await durable(t);
  const [ada, bob] = [new Person(t, first.url, "ada"), new Person(t, first.url, "bob")];
  await Promise.all([ada.chat.join("lobby"), bob.chat.join("lobby")]);
  for (const text of said(100)) ada.chat.post("lobby", text);
  await bob.when(() => bob.texts().length >= 10);
  await first.kill("SIGKILL");
  await ada.until("offline");
  for (const text of said(150, 101)) ada.chat.post("lobby", text);
  await first.start();
  await ada.until("welcome");
  for (const text of said(200, 151)) ada.chat.post("lobby", text);
  for (const person of [ada, bob]) await person.when(() => person.texts().at(-1) === "200");
  await ada.when(() => ada.chat.unsent.length === 0);
  for (const person of [ada, bob]) assert.deepEqual(person.texts(), said(200));
  assert.deepEqual([...ada.of("gap"), ...ada.of("stale"), ...ada.of("refused")], []);
});

test("over a reload while the server is away, unsent lines are kept and sent, and reading goes on", async (t) => {
  const first = await durable(t);
  const [ada, bob] = [new Person(t, first.url, "ada"), new Person(t, first.url, "bob")];
  const carl = new Person(t, first.url, "carl", { backoff: { first: 1e6, longest: 1e6 } });
  await Promise.all([ada, bob, carl].map(({ chat }) => chat.join("lobby")));
  await ada.chat.post("lobby", "1").stored;
  await ada.when(() => ada.texts().length === 1);
  await first.kill("SIGTERM");
  assert.equal((await carl.until("closing")).reason, "drain");
  await ada.until("offline");
  for (const text of said(5, 2)) ada.chat.post("lobby", text);
  const { session, unsent } = ada.chat;
  const kept = JSON.parse(JSON.stringify({ session, unsent, after: ada.chat.position("lobby") }));
  await ada.chat.close({ wait: 0 });
  await first.start();
  const again = new Person(t, first.url, "ada", { session: kept.session, unsent: kept.unsent });
  again.chat.post("lobby", "6");
  await again.chat.join("lobby", { after: kept.after });
  carl.chat.wake(); // it would wait for days
  for (const person of [bob, carl]) await person.when(() => person.texts().length === 6);
  await again.when(() => again.chat.unsent.length === 0 && again.texts().length === 5);
  assert.deepEqual(again.texts(), said(6, 2));
  for (const person of [bob, carl]) assert.deepEqual(person.texts(), said(6));
});
