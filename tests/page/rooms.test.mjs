// The rooms of the page, over a chat that only notes what it is asked: which are entered, and which only shown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Posts } from "../../transports/web/page-posts.js";
import { Rooms } from "../../transports/web/page-rooms.js";

const post = (room, id = room) => ({ room, id, text: id, at: 1 });

/** What is kept, in memory. */
class Shelf {
  rooms = { names: [], active: "" };
  writing = new Map();

  get drafts() {
    return [...this.writing.keys()];
  }

  draft = (room) => this.writing.get(room) ?? "";
  place = () => undefined;
  keepRooms = (rooms) => void (this.rooms = rooms);
}

function roomsOf(posts, store = new Shelf()) {
  const entered = [];
  const chat = { join: async (name) => void entered.push(name), position: () => undefined };
  const rooms = new Rooms(chat, store, posts, { changed() {}, refused() {} });
  return { rooms, entered, store };
}

const labels = (rooms) => rooms.all.map((room) => room.label);

test("what was not sent in other rooms is shown, and those are not entered", () => {
  const store = new Shelf();
  store.rooms = { names: ["lobby"], active: "side" };
  store.writing.set("den", "half");
  const { rooms, entered } = roomsOf(new Posts([post("Side")], [post("back")]), store);
  assert.equal(rooms.restore().label, "#side (left)");
  assert.deepEqual(entered, ["lobby"]);
  assert.deepEqual(labels(rooms), ["#lobby", "#back (left)", "#side (left)", "#den (left)"]);
  assert.deepEqual(store.rooms.names, ["lobby"]);
});

test("a room that is left stays while it holds a post or a draft", () => {
  const posts = new Posts([post("side")], []);
  const { rooms, store } = roomsOf(posts);
  const [side, den] = [rooms.enter("side"), rooms.enter("den")];
  store.writing.set("den", "half");
  rooms.activate(side);
  rooms.remove(side);
  rooms.remove(den);
  assert.deepEqual([labels(rooms), store.rooms.names, rooms.active], [["#side (left)", "#den (left)"], [], side]);
  assert.deepEqual(rooms.finished, []);
  posts.discard("side");
  assert.deepEqual(rooms.finished, [side]);
  rooms.remove(side);
  assert.deepEqual([labels(rooms), rooms.active], [["#den (left)"], undefined]);
});

test("a room that was left can be entered again, and one that we are in stays as it is", () => {
  const { rooms, entered } = roomsOf(new Posts([post("side")], []));
  const side = rooms.enter("side");
  assert.equal(rooms.enter("Side"), side);
  rooms.remove(side);
  assert.equal(rooms.enter("side").isLeft, false);
  assert.deepEqual([labels(rooms), entered], [["#side"], ["side", "side"]]);
});

test("a post that comes back brings its room back, but not us into it", () => {
  const posts = new Posts([], []);
  const { rooms, entered } = roomsOf(posts);
  rooms.restore();
  posts.giveBack(post("gone"), "you are not in this room");
  rooms.showUnsent();
  assert.deepEqual([labels(rooms), entered], [["#lobby", "#gone (left)"], ["lobby"]]);
});
