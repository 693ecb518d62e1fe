/**
 * The rooms that the page is in, and which of them is open.
 *
 * A room that we have left, or were put out of, stays as long as there is something in it that we have not sent.
 *
 * @module
 */

import { fold } from "./client-frames.js";
import { Room } from "./page-room.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-posts.js").Posts} Posts */
/** @typedef {import("./page-store.js").Store} Store */
/** @typedef {{changed: () => void, refused: (room: Room, error: Error) => void}} Owner */

const FIRST = "lobby";
const MOST_LISTED = 500; // rooms of the server
const HISTORY = 100; // messages of a room that is new to us
export const MOST_MISSED = 500; // messages that are read after a time away; what is left out is a gap

export class Rooms {
  /** @type {Map<string, Room>} by folded name, in the order in which they were entered */
  #rooms = new Map();
  /** @type {Room | undefined} */
  active;
  #chat;
  #store;
  #posts;
  #owner;

  /**
   * @param {Chat} chat
   * @param {Store} store
   * @param {Posts} posts
   * @param {Owner} owner
   */
  constructor(chat, store, posts, owner) {
    this.#chat = chat;
    this.#store = store;
    this.#posts = posts;
    this.#owner = owner;
  }

  get all() {
    return [...this.#rooms.values()];
  }

  /** @param {string} name */
  find(name) {
    return this.#rooms.get(fold(name));
  }

  /** Enter the rooms of the last time, and show what is not sent in others; returns the one to open. */
  restore() {
    const { names, active } = this.#store.rooms;
    for (const name of names.length ? names : [FIRST]) this.enter(name);
    this.showUnsent(this.#store.drafts);
    return this.find(active) ?? this.all[0];
  }

  /**
   * Have the rooms in the list in which there is something that we have not sent, without entering them.
   *
   * @param {string[]} [more] of them
   */
  showUnsent(more = []) {
    for (const name of [...this.#posts.rooms, ...more]) if (!this.find(name)) this.#show(name);
  }

  /** @param {string} name */
  #show(name) {
    const room = new Room(fold(name), this.#chat, undefined, () => this.#owner.changed());
    room.leave();
    this.#rooms.set(room.name, room);
  }

  /**
   * Enter a room, unless we are in it. If it cannot have that name, its owner is told soon.
   *
   * @param {string} name
   */
  enter(name) {
    const folded = fold(name);
    const known = this.#rooms.get(folded);
    if (known?.isLeft === false) return known;
    const place = this.#store.place(folded);
    const room = new Room(folded, this.#chat, place, () => this.#owner.changed());
    const from = place ? { after: { epoch: place.epoch, seq: place.seq }, history: MOST_MISSED } : { history: HISTORY };
    this.#rooms.set(folded, room);
    this.#chat.join(folded, from).catch((error) => this.#owner.refused(room, error));
    this.#keepNames();
    return room;
  }

  /** A private room of the server that we may enter and are not in, if there is one and no other. */
  async findAdmitted() {
    const { rooms } = await this.#chat.listRooms({ limit: MOST_LISTED });
    const others = rooms.filter(({ room, private: isPrivate }) => isPrivate && !this.find(room));
    return others.length === 1 ? others[0].room : undefined;
  }

  /** @param {Room} room */
  activate(room) {
    this.active = room;
    room.open();
    this.#keepNames();
  }

  /**
   * The room so many further in the list.
   *
   * @param {number} step
   */
  next(step) {
    const all = this.all;
    const index = all.findIndex((room) => room === this.active);
    return all.length ? all[(index + step + all.length) % all.length] : undefined;
  }

  /** Note that we are not in a room any more; it goes, unless it holds something. @param {Room} room */
  remove(room) {
    room.leave();
    if (!this.#holds(room)) this.#rooms.delete(room.name);
    if (this.active && !this.find(this.active.name)) this.active = undefined;
    this.#keepNames();
  }

  /** Whether there is something in a room that we have not sent. @param {Room} room */
  #holds({ name }) {
    return this.#posts.of(name).length > 0 || this.#store.draft(name) !== "";
  }

  /** Those that we have left, and that hold nothing any more. */
  get finished() {
    return this.all.filter((room) => room.isLeft && !this.#holds(room));
  }

  /** Keep how far each room was read. */
  keepPlaces() {
    for (const room of this.all) if (room.place && !room.isLeft) this.#store.keepPlace(room.name, room.place);
  }

  /** Keep all that is known of the rooms. */
  keep() {
    this.#keepNames();
    this.keepPlaces();
  }

  #keepNames() {
    const names = this.all.filter((room) => !room.isLeft).map(({ name }) => name);
    this.#store.keepRooms({ names, active: this.active?.name ?? "" });
  }
}
