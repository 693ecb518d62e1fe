// Two servers that share a log, at NATS: a chat with the addresses of both continues at the other one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, place, said, serve } from "./server.mjs";

const { NATS, STREAM } = process.env;

/** A server that shares the log with the others. */
const node = (t, transport) =>
  serve(t, { transport, args: ["--journal", `nats://${NATS}?stream=${STREAM}&state=${place(t)}/state.db`] });

for (const [signal, reason, transports] of [
  ["SIGKILL", "lost", ["asyncio", "threaded"]],
  ["SIGTERM", "drain", ["threaded", "asyncio"]],
])
  test(`after ${signal} a chat continues at the next address, as the same person, and nothing is lost`, async (t) => {
    const [a, b] = await Promise.all(transports.map((transport) => node(t, transport)));
    const room = reason;
    const ada = new Person(t, [a.url, b.url], `ada-${reason}`);
    const bob = new Person(t, [b.url, a.url], `bob-${reason}`);
    await Promise.all([ada, bob].map(({ chat }) => chat.join(room)));
    const before = ada.of("offline").length; // in the first seconds of a log nobody is let in
    for (const text of said(100)) ada.chat.post(room, text);
    await bob.when(() => bob.texts(room).length >= 10);
    const ended = a.kill(signal);
    await ada.when(() => ada.of("offline").length > before);
    for (const text of said(150, 101)) ada.chat.post(room, text);
    await ended;
    for (const person of [ada, bob]) await person.when(() => person.texts(room).at(-1) === "150");
    await ada.when(() => ada.chat.unsent.length === 0);
    for (const person of [ada, bob]) assert.deepEqual(person.texts(room), said(150));
    assert.deepEqual([...ada.of("gap"), ...ada.of("stale"), ...ada.of("refused")], []);
    assert.deepEqual(ada.of("offline").slice(before).map((event) => event.reason), [reason]);
    assert.equal(ada.chat.nick, `ada-${reason}`);
    assert.deepEqual((await bob.chat.who(room)).sort(), [ada.chat.nick, bob.chat.nick]);
  });
