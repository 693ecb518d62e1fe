// The client on a socket that a test plays the server of: what it sends when, and what it makes of what comes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "node:test";
import { Chat, ClosedError, DisconnectedError, ProtocolError, RefusedError, UsageError } from "../../transports/web/client.js";
import { Person, inTime } from "./server.mjs";

const golden = readFileSync(new URL("../../docs/frames/server.ndjson", import.meta.url), "utf8").trim().split("\n");

const welcome = { type: "welcome", protocol: 1, server: "test", session: "s".repeat(32), nick: "ada", limits: {} };
const joined = (after, head = after, epoch = "e1") => ({ type: "joined", room: "lobby", epoch, after, head, count: 1 });
const at = "2026-11-23T14:35:25Z";
const message = (seq, id = `${seq}`) => ({ type: "message", room: "lobby", prev: seq - 1, seq, id, nick: "bob", text: id, at });
const ack = (id, seq = 1) => ({ type: "ack", room: "lobby", id, seq, durability: "memory" });
const refusal = (id, more) => ({ type: "error", code: "rate_limited", message: "too many", room: "lobby", id, ...more });
const moment = () => new Promise((resolve) => setImmediate(resolve));

/** A socket; `dialled` are all of them, and `next` waits for one more. */
function network() {
  const dialled = [];
  let look = () => {};
  class Socket extends EventTarget {
    static OPEN = 1;
    OPEN = 1;
    readyState = 0;
    bufferedAmount = 0;
    sent = [];

    constructor(address, protocol) {
      super();
      Object.assign(this, { address, protocol });
      dialled.push(this);
      look();
    }

    send(line) {
      this.sent.push(JSON.parse(line));
    }

    close(code) {
      this.code ??= code;
      this.readyState = 3;
      this.dispatchEvent(new Event("close"));
    }

    open() {
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    }

    say(...frames) {
      this.sayRaw(frames.map((frame) => `${JSON.stringify(frame)}\n`).join(""));
    }

    sayRaw(data) {
      this.dispatchEvent(new MessageEvent("message", { data }));
    }

    /** What was sent since this was asked the last time. */
    heard() {
      return this.sent.splice(0);
    }
  }
  const next = (number) => inTime(new Promise((resolve) => {
    look = () => dialled.length >= number && resolve(dialled[number - 1]);
    look();
  }), () => "nobody connects");
  return { Socket, dialled, next };
}

/** Somebody who is in the lobby, and the server's end of their socket. */
async function inLobby(t, options) {
  const net = network();
  const backoff = { first: 0.001, longest: 0.001 };
  const ada = new Person(t, "http://chat.test/team/", "ada", { WebSocket: net.Socket, backoff, ...options });
  const socket = await net.next(1);
  socket.open();
  socket.say(welcome);
  ada.chat.join("lobby").catch(() => {});
  socket.say(joined(0));
  socket.heard();
  return { ada, socket, net };
}

async function comesBack(net, number, frame = welcome) {
  const socket = await net.next(number);
  socket.open();
  socket.say(frame);
  return socket;
}

const idsOf = (frames) => frames.filter(({ type }) => type === "post").map(({ id }) => id);

test("hello has what proves who we are, the invite until a welcome came, and nothing is sent before", async (t) => {
  const { Socket, next } = network();
  const proofs = { key: "k".repeat(43), invite: "i", session: "old" };
  const ada = new Person(t, "https://chat.test/team/", "ada", { WebSocket: Socket, client: "test", ...proofs });
  ada.chat.join("lobby").catch(() => {});
  const socket = await next(1);
  assert.equal(socket.address, "wss://chat.test/team/ws");
  assert.equal(socket.protocol, "chatcore.v1");
  socket.open();
  const hello = { type: "hello", protocol: 1, nick: "ada", client: "test" };
  assert.deepEqual(socket.heard(), [{ ...hello, ...proofs }]);
  socket.say({ ...welcome, nick: "ada-2", account: "ada" });
  assert.deepEqual(socket.heard(), [{ type: "join", room: "lobby" }]);
  socket.close();
  const again = await next(2);
  again.open();
  assert.deepEqual(again.heard(), [{ ...hello, nick: "ada-2", session: welcome.session, key: proofs.key }]);
  assert.doesNotMatch(inspect([ada.chat, ada.events], { depth: 9, showHidden: true }), /kkk|sss/);
});

for (const line of golden)
  test(`${line.slice(0, 80)} does no harm`, async (t) => {
    const { ada, socket } = await inLobby(t);
    socket.sayRaw(line);
    await moment();
    const isLaw = ada.chat.error instanceof ProtocolError || ada.chat.error instanceof DisconnectedError;
    assert.ok(ada.chat.error === undefined || isLaw, inspect(ada.chat.error));
  });

test("what is no frame ends the chat, and what is new does not", async (t) => {
  for (const data of ["nonsense", "[]", "1", "null", '{"type":5}', new ArrayBuffer(2)]) {
    const { ada, socket } = await inLobby(t);
    socket.sayRaw(data);
    assert.ok(ada.chat.error instanceof ProtocolError, String(data));
    assert.equal(socket.readyState, 3);
  }
  const { ada, socket } = await inLobby(t);
  socket.say({ type: "reaction", room: "lobby" }, { ...message(1), colour: "red" });
  socket.sayRaw("\n\r\n");
  assert.deepEqual(ada.texts(), ["1"]);
});

test("against the law the chat ends, and what follows is not shown", async (t) => {
  const { ada, socket } = await inLobby(t);
  socket.say(message(1), message(3), message(2));
  assert.deepEqual(ada.texts(), ["1"]);
  assert.ok(ada.of("closed")[0].error instanceof ProtocolError);
});

test("after a close from within an event nothing follows", async (t) => {
  const { ada, socket } = await inLobby(t);
  const push = ada.events.push;
  ada.events.push = (event) => {
    if (event.type === "message") ada.chat.close();
    return push.call(ada.events, event);
  };
  socket.say(message(1), message(2));
  assert.deepEqual(ada.texts(), ["1"]);
  assert.equal(ada.events.at(-2).type, "closed");
});

test("what is sent again is as old as it was", async (t) => {
  const unsent = [{ room: "lobby", id: "1", text: "x", at: Date.now() - 60_000 }];
  const { ada } = await inLobby(t, { unsent });
  assert.deepEqual(ada.chat.unsent.map(({ id, at }) => [id, at]), [["1", unsent[0].at]]);
});

test("what was never sent is sent however old it is, and without a word about that it is given back", async (t) => {
  const at = Date.now() - 3_600_000;
  const unsent = ["1", "2", "3"].map((id) => ({ room: "lobby", id, text: "x", at }));
  [unsent[0].wasSent, unsent[2].wasSent] = [false, true];
  const { ada } = await inLobby(t, { unsent });
  const stale = ada.events.find(({ type }) => type === "stale");
  assert.deepEqual(stale.posts.map(({ id }) => id), ["2", "3"]);
  assert.deepEqual(ada.chat.unsent.map(({ id, wasSent }) => [id, wasSent]), [["1", true]]);
});

test("after a loss rooms are resumed, and posts follow in order, each when its room is there", async (t) => {
  const { ada, socket, net } = await inLobby(t, { mostMissed: 200 });
  for (const id of ["1", "2", "3"]) ada.chat.post("lobby", id, { id });
  socket.say(message(1, "1"), ack("1"));
  socket.close();
  ada.chat.post("lobby", "4", { id: "4" });
  const again = await comesBack(net, 2);
  assert.deepEqual(again.heard().slice(1), [{ type: "join", room: "lobby", after: { epoch: "e1", seq: 1 }, history: 200 }]);
  ada.chat.post("lobby", "5", { id: "5" });
  assert.deepEqual(again.heard(), []);
  again.say(joined(1, 3));
  assert.deepEqual(idsOf(again.heard()), ["2", "3", "4", "5"]);
});

test("what is refused for a while goes out again in order, before anything new", async (t) => {
  const { ada, socket } = await inLobby(t);
  for (const id of ["1", "2", "3"]) ada.chat.post("lobby", id, { id });
  socket.heard();
  socket.say(refusal("3", { retry_after: 0.01 }), refusal("2", { retry_after: 0.001 }));
  ada.chat.post("lobby", "4", { id: "4" });
  assert.deepEqual(socket.heard(), []);
  const sentAgain = new Promise((resolve) => (socket.send = (line) => {
    socket.sent.push(JSON.parse(line));
    if (socket.sent.length === 3) resolve(socket.sent);
  }));
  socket.say(ack("1")); // on which they may leave at once, if the time is over by then
  const sent = await inTime(sentAgain, () => "nothing is sent again");
  assert.deepEqual(idsOf(sent), ["2", "3", "4"]);
});

test("two posts under one id are not in flight together, and a window bounds all", async (t) => {
  const { ada, socket } = await inLobby(t);
  ada.chat.post("lobby", "same", { id: "1" });
  const second = ada.chat.post("lobby", "same", { id: "1" });
  assert.deepEqual(idsOf(socket.heard()), ["1"]);
  socket.say(ack("1", 7));
  assert.deepEqual(idsOf(socket.heard()), ["1"]);
  socket.say(ack("1", 7));
  assert.equal((await second.stored).seq, 7);
  for (let number = 0; number < 100; number++) ada.chat.post("lobby", "x");
  assert.equal(socket.heard().length, 64);
});

test("who posts from within an event does not overtake himself", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  let number = 2;
  const said = [];
  const more = (type) => {
    if (type === "unsent" && number < 5) said.push(ada.chat.post("lobby", "x", { id: `${number++}` }).id);
    if (type === "welcome") said.push(ada.chat.post("lobby", "x", { id: "back" }).id);
  };
  const push = ada.events.push;
  ada.events.push = (event) => (push.call(ada.events, event), more(event.type), 0);
  ada.chat.post("lobby", "x", { id: "1" });
  assert.deepEqual(idsOf(socket.heard()), ["1", "2", "3", "4"]);
  socket.close();
  const again = await comesBack(net, 2);
  assert.deepEqual(again.heard().map(({ type }) => type), ["hello", "join"]);
  again.say(joined(0));
  assert.deepEqual(idsOf(again.heard()), ["1", "2", "3", "4", "back"]);
});

test("a list of unsent posts is told before a new one leaves", async (t) => {
  const { ada, socket } = await inLobby(t);
  const kept = [];
  const push = ada.events.push;
  ada.events.push = (event) => {
    if (event.type === "unsent") kept.push([ada.chat.unsent.map(({ id, wasSent }) => [id, wasSent]), idsOf(socket.sent)]);
    return push.call(ada.events, event);
  };
  ada.chat.post("lobby", "x", { id: "1" });
  socket.say(ack("1"));
  assert.deepEqual(kept, [[[["1", true]], []], [[], ["1"]]]);
});

test("the error of a listener is reported, and disturbs nothing", async (t) => {
  const { ada, socket } = await inLobby(t);
  const push = ada.events.push;
  ada.events.push = (event) => {
    push.call(ada.events, event);
    if (event.type === "message") throw new Error("theirs");
  };
  const listeners = process.listeners("uncaughtException"); // the runner's own, to which it would be a failure
  const reported = [];
  process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => reported.push(error.message));
  t.after(() => {
    process.removeAllListeners("uncaughtException");
    for (const each of listeners) process.on("uncaughtException", each);
  });
  socket.say(message(1), message(2));
  await moment();
  assert.deepEqual(ada.texts(), ["1", "2"]);
  assert.deepEqual(reported, ["theirs", "theirs"]);
});

for (const reason of ["taken_over", "protocol", "banned", "revoked"])
  test(`after ${reason} nobody comes back`, async (t) => {
    const { ada, socket, net } = await inLobby(t);
    const post = ada.chat.post("lobby", "x", { id: "1" });
    const asked = ada.chat.who("lobby");
    socket.say({ type: "closing", reason });
    assert.equal(ada.of("closed")[0].error.reason, reason);
    await assert.rejects(post.stored, DisconnectedError);
    await assert.rejects(asked, DisconnectedError);
    assert.deepEqual(ada.chat.unsent.map(({ id }) => id), ["1"]);
    ada.chat.wake();
    await moment();
    assert.equal(net.dialled.length, 1);
  });

test("a chat that does not reconnect ends, with what it was asked", async (t) => {
  const { ada, socket } = await inLobby(t, { reconnect: false });
  const asked = ada.chat.who("lobby");
  socket.close();
  const { error } = await ada.until("closed");
  assert.ok(error instanceof DisconnectedError);
  await assert.rejects(asked, error);
  await assert.rejects(ada.chat.who("lobby"), error);
});

test("after other reasons everybody does, no earlier than the server says", async (t) => {
  for (const reason of ["drain", "timeout", "stalled", "something new"]) {
    const { ada, socket } = await inLobby(t);
    socket.say({ type: "closing", reason, reconnect_after: 2.5 });
    const { retryIn, ...offline } = ada.of("offline")[0];
    assert.deepEqual(offline, { type: "offline", reason, message: undefined });
    assert.ok(retryIn >= 2.5);
  }
});

test("who is not let in comes back if that may pass, and a nick is waited for once it was ours", async (t) => {
  for (const code of ["unauthorized", "forbidden", "bad_name", "unsupported_protocol", "nick_taken"]) {
    const { Socket, next } = network();
    const ada = new Person(t, "http://chat.test", "ada", { WebSocket: Socket });
    const socket = await next(1);
    socket.open();
    socket.say({ type: "error", code, message: "no" });
    await assert.rejects(ada.chat.welcomed, (error) => error instanceof RefusedError && error.code === code);
  }
  const { ada, socket, net } = await inLobby(t);
  socket.close();
  const passing = ["limit_exceeded", "unavailable", "nick_taken", "rate_limited"];
  for (const [number, code] of passing.entries())
    await comesBack(net, number + 2, { type: "error", code, message: `not now: ${code}` });
  await comesBack(net, 6);
  assert.equal(ada.chat.state, "live");
  assert.deepEqual(ada.of("offline").map(({ reason }) => reason), ["lost", ...passing]);
  assert.deepEqual(ada.of("offline").map(({ message }) => message), [undefined, ...passing.map((code) => `not now: ${code}`)]);
});

const NODES = ["http://a.test", "https://b.test/team/", "ws://c.test/ws"];
const SOCKETS = ["ws://a.test/ws", "wss://b.test/team/ws", "ws://c.test/ws"];

/** Somebody with several addresses of a server, and where they have connected. */
function withNodes(t, options) {
  const net = network();
  const backoff = { first: 0.001, longest: 0.001 };
  const ada = new Person(t, NODES, "ada", { WebSocket: net.Socket, backoff, ...options });
  return { ada, net, where: () => net.dialled.map(({ address }) => address) };
}

test("each address is tried in turn, and no wait is longer than the first before all have failed", async (t) => {
  t.mock.method(Math, "random", () => 0.9);
  const { ada, net, where } = withNodes(t, { backoff: { first: 0.002, longest: 1e6 } });
  for (const number of [1, 2, 3, 4, 5, 6]) (await net.next(number)).close();
  assert.deepEqual(where(), [...SOCKETS, ...SOCKETS]);
  const waits = ada.of("offline").map(({ retryIn }) => retryIn);
  for (const index of [0, 1, 3, 4]) assert.ok(waits[index] <= 0.002, `${waits}`);
});

test("the time that a server asks for is waited for only where no other address is left", async (t) => {
  const { ada, net, where } = withNodes(t);
  await comesBack(net, 1);
  net.dialled[0].say({ type: "closing", reason: "drain", reconnect_after: 1e6 });
  await comesBack(net, 2, { type: "error", code: "unavailable", message: "no", retry_after: 1e6 });
  await comesBack(net, 3, { type: "error", code: "unavailable", message: "no", retry_after: 1e6 });
  assert.deepEqual(where(), SOCKETS);
  const waits = ada.of("offline").map(({ retryIn }) => retryIn);
  assert.deepEqual(waits.map((wait) => wait >= 1e6), [false, false, true]);
});

test("where it works a chat stays, and a loss begins a new round after that address", async (t) => {
  const { ada, net, where } = withNodes(t);
  (await net.next(1)).close();
  const second = await comesBack(net, 2);
  ada.chat.join("lobby").catch(() => {});
  second.say(joined(0));
  const post = ada.chat.post("lobby", "hello");
  second.close();
  await comesBack(net, 3, { type: "error", code: "unavailable", message: "no", retry_after: 1e6 });
  const back = await comesBack(net, 4);
  assert.deepEqual(where(), [...SOCKETS, SOCKETS[0]]);
  assert.equal(back.sent[0].session, welcome.session);
  assert.deepEqual(back.sent[1], { type: "join", room: "lobby", after: { epoch: "e1", seq: 0 } });
  back.say(joined(0));
  assert.deepEqual(idsOf(back.sent), [post.id]);
});

test("whoever looks at a chat that hangs has the next address tried", async (t) => {
  const { ada, net, where } = withNodes(t);
  await net.next(1);
  t.mock.method(performance, "now", ((late) => () => late)(performance.now() + 3_000));
  ada.chat.wake();
  assert.deepEqual(where(), SOCKETS.slice(0, 2));
});

test("an address that is in the list twice is one", async (t) => {
  const net = network();
  const list = ["http://a.test/", "http://A.test:80", "http://b.test"];
  new Person(t, list, "ada", { WebSocket: net.Socket, backoff: { first: 0.001, longest: 0.001 } });
  for (const number of [1, 2, 3]) (await net.next(number)).close();
  assert.deepEqual(net.dialled.map(({ address }) => address), ["ws://a.test/ws", "ws://b.test/ws", "ws://a.test/ws"]);
});

test("each address of a list is checked, and there has to be one", () => {
  for (const list of [[], ["http://a.test", "b.test"], ["chat://a.test"]])
    assert.throws(() => new Chat(list, { nick: "ada" }), UsageError);
});

test("a room that may not be entered again is left, and one that may later is asked for again", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  socket.close();
  const again = await comesBack(net, 2);
  again.heard();
  const asked = new Promise((resolve) => (again.send = (line) => resolve(JSON.parse(line).type)));
  again.say({ type: "error", code: "unavailable", message: "not yet", room: "lobby", retry_after: 0.001 });
  assert.equal(await inTime(asked, () => "the room is not asked for again"), "join");
  again.say({ type: "error", code: "forbidden", message: "no", room: "lobby" });
  assert.deepEqual(ada.chat.rooms, []);
  assert.deepEqual(ada.of("error").map(({ code }) => code), ["forbidden"]);
});

test("a join that cannot be answered yet is asked again, and posts to the room wait", async (t) => {
  const { ada, socket } = await inLobby(t);
  const entering = ada.chat.join("ops");
  ada.chat.post("ops", "x");
  const refused = socket.heard();
  assert.deepEqual(refused.map(({ type }) => type), ["join"]);
  const again = new Promise((resolve) => (socket.send = (line) => resolve(socket.sent.push(JSON.parse(line)))));
  socket.say({ type: "error", code: "unavailable", message: "not yet", room: "ops", retry_after: 0.001 });
  await inTime(again, () => "the room is not asked for again");
  assert.deepEqual(socket.heard(), refused);
  socket.say({ ...joined(0), room: "ops" });
  assert.equal((await entering).room, "ops");
  assert.deepEqual(socket.heard().map(({ type }) => type), ["post"]);
});

test("who is put out of a room stays out", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  socket.say({ type: "left", room: "lobby", reason: "expelled" });
  assert.deepEqual(ada.of("left").map(({ reason }) => reason), ["expelled"]);
  const entering = ada.chat.join("staff");
  socket.say({ type: "left", room: "staff", reason: "expelled" });
  await assert.rejects(entering, (error) => error instanceof RefusedError && error.code === "forbidden");
  ada.chat.join("ops");
  socket.say({ ...joined(0), room: "ops" });
  const leaving = ada.chat.leave("ops");
  socket.say({ type: "left", room: "ops", reason: "expelled" });
  socket.say({ type: "error", code: "not_joined", message: "you are not in this room", room: "ops" });
  await assert.rejects(leaving, (error) => error.code === "not_joined");
  socket.close();
  assert.deepEqual((await comesBack(net, 2)).heard().map(({ type }) => type), ["hello"]);
});

test("answers belong to their questions, and what nobody asked is an event", async (t) => {
  const { ada, socket } = await inLobby(t);
  const [first, second] = [ada.chat.who("lobby"), ada.chat.leave("lobby")];
  assert.deepEqual(socket.heard().map(({ type }) => type), ["who"]);
  socket.say({ type: "members", room: "lobby", nicks: ["a", "b"], count: 3, more: true });
  assert.deepEqual(socket.heard(), [{ type: "who", room: "lobby", after: "b" }]);
  socket.say({ type: "members", room: "lobby", nicks: ["c"], count: 3, more: false });
  assert.deepEqual(await first, ["a", "b", "c"]);
  socket.say({ type: "left", room: "lobby" });
  assert.equal((await second).room, "lobby");
  const nick = ada.chat.setNick("ada2");
  const [, { token }] = socket.heard();
  socket.say({ type: "nick", nick: "other" });
  assert.equal(ada.chat.nick, "other");
  socket.say({ type: "nick", nick: "ada2", token });
  assert.equal((await nick).nick, "ada2");
  socket.say({ type: "invited" }, { type: "moderated", act: "mute", room: "lobby", nick: "ada2" });
  socket.say({ type: "error", code: "unavailable", message: "?" });
  assert.deepEqual(["nick", "invited", "moderated", "error"].map((type) => ada.of(type).length), [2, 1, 1, 1]);
  socket.say({ type: "ping", token: "7" }, { type: "ping" });
  assert.deepEqual(socket.heard(), [{ type: "pong", token: "7" }, { type: "pong" }]);
});

test("what was not answered is asked again, and a room that was being left is left", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  const [listed, left] = [ada.chat.listRooms(), ada.chat.leave("lobby")];
  socket.close();
  const again = await comesBack(net, 2);
  assert.deepEqual(await left, { type: "left", room: "lobby" });
  const [, asked] = again.heard();
  assert.deepEqual({ ...asked, token: "" }, { type: "rooms", token: "" });
  again.say({ type: "room_list", rooms: [], more: false, token: asked.token });
  assert.equal((await listed).more, false);
});

test("a post that is not on its way can be given up", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  socket.close();
  const post = ada.chat.post("lobby", "x", { id: "1" });
  assert.equal(ada.chat.discard("Lobby", "1"), true);
  await assert.rejects(post.stored, ClosedError);
  assert.equal(ada.chat.discard("lobby", "1"), false);
  const again = await comesBack(net, 2);
  again.say(joined(0));
  assert.deepEqual(idsOf(again.heard()), []);
});

test("a goodbye waits for the answers to posts, and takes no more", async (t) => {
  const { ada, socket } = await inLobby(t);
  ada.chat.post("lobby", "x", { id: "1" });
  const closing = ada.chat.close();
  assert.throws(() => ada.chat.post("lobby", "y"), ClosedError);
  await moment();
  assert.equal(socket.readyState, 1);
  socket.say(ack("1"));
  await closing;
  assert.equal(socket.code, 1000);
  assert.ok(ada.chat.error instanceof ClosedError);
});

test("a silent server is asked, and given up when that brings nothing", async (t) => {
  const { ada, socket } = await inLobby(t, { patience: { ack: 0.001, life: 0.001 } });
  ada.chat.post("lobby", "x");
  assert.equal((await ada.until("offline")).reason, "timeout");
  assert.deepEqual(socket.sent.map(({ type }) => type), ["post", "ping"]);
  assert.notEqual(socket.code, 1000);
  const { ada: dora } = await inLobby(t, { patience: { ack: 0.001, life: 0.05 } });
  const posted = performance.now(); // it is asked later than that, at a time that only the client knows
  dora.chat.post("lobby", "x");
  await dora.until("offline");
  assert.ok(performance.now() - posted >= 50, "the server had no time to answer");
  const { ada: bob, net } = await inLobby(t, { patience: { life: 0.001 } });
  bob.chat.wake();
  assert.equal((await bob.until("offline")).reason, "timeout");
  bob.chat.wake();
  await net.next(2);
});

test("a key is forgotten once the server lets it in no more, also if its answer was lost", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  const forgotten = ada.chat.forgetDevice();
  const [asked] = socket.heard();
  assert.deepEqual(asked, { type: "forget", token: asked.token });
  socket.close();
  const again = await net.next(2);
  again.open();
  again.say({ type: "error", code: "unauthorized", message: "the key is not valid" });
  await forgotten;
  assert.equal(ada.chat.error.code, "unauthorized");
});

test("a key that could not be forgotten is said so, and the chat goes on", async (t) => {
  const { ada, socket } = await inLobby(t);
  const forgotten = ada.chat.forgetDevice();
  const [{ token }] = socket.heard();
  socket.say({ type: "error", code: "unavailable", message: "the disk is full", id: token, retry_after: 1 });
  await assert.rejects(forgotten, /the disk is full/);
  assert.equal(ada.chat.state, "live");
  const second = ada.chat.forgetDevice();
  const waiting = ada.chat.ping();
  socket.say({ type: "closing", reason: "revoked" });
  await second;
  await assert.rejects(waiting, { reason: "revoked" });
});

test("whoever waits for an answer gives up a silent server no later than others do", async (t) => {
  const { ada, net } = await inLobby(t, { patience: { life: 600 } });
  ada.chat.wake();
  (await net.next(1)).close();
  assert.equal((await ada.until("offline")).reason, "lost");
  const limits = { keepalive_seconds: 0.005, idle_seconds: 0.01 };
  await comesBack(net, 2, { ...welcome, limits });
  ada.chat.wake();
  assert.equal((await ada.until("offline")).reason, "timeout");
});

test("a chat that is handed over says no goodbye, and is over", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  ada.chat.handOver();
  assert.equal((await ada.until("closed")).error.reason, "taken_over");
  assert.notEqual(socket.code, 1000);
  assert.equal(net.dialled.length, 1);
  assert.throws(() => ada.chat.post("lobby", "x"), DisconnectedError);
});

test("a chat may be handed over before it connects", async (t) => {
  const net = network();
  const onEvent = ({ type }) => type === "connecting" && chat.handOver();
  const chat = new Chat("http://chat.test/", { nick: "ada", WebSocket: net.Socket, onEvent });
  t.after(() => chat.handOver());
  await moment();
  assert.deepEqual([net.dialled.length, chat.state], [0, "closed"]);
});

test("what is withdrawn is not asked for again, and its answer is nobody's", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  const stop = new AbortController();
  const forgotten = ada.chat.forgetDevice({ signal: stop.signal });
  assert.equal(socket.heard().length, 1);
  stop.abort();
  await assert.rejects(forgotten, ClosedError);
  socket.close();
  const again = await comesBack(net, 2);
  assert.deepEqual(again.heard().map(({ type }) => type), ["hello", "join"]);
  again.say({ type: "closing", reason: "revoked" });
  assert.equal(ada.chat.error.reason, "revoked");
});

test("an act, a search, a list, an invite and a nick that are withdrawn are not asked for on the next connection", async (t) => {
  const { ada, socket, net } = await inLobby(t);
  const stop = new AbortController();
  const how = { signal: stop.signal };
  socket.close();
  const asked = [ada.chat.moderate("ban", { nick: "bob" }, how), ada.chat.search({ query: "tea" }, how),
    ada.chat.listRooms({}, how), ada.chat.inviteDevice(how), ada.chat.setNick("ada2", how)];
  const kept = ada.chat.moderate("kick", { nick: "bob", room: "lobby" }, { signal: new AbortController().signal });
  kept.catch(() => {});
  stop.abort();
  for (const each of asked) await assert.rejects(each, ClosedError);
  await assert.rejects(ada.chat.listRooms({}, how), { name: "AbortError" });
  const again = await comesBack(net, 2);
  again.say(joined(0));
  assert.deepEqual(again.heard().map(({ type, act }) => act ?? type), ["hello", "join", "kick"]);
});
