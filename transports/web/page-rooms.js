/**
 * The rooms that the page is in, and which of them is open.
 *
 * @module
 */

import { fold } from "./client-frames.js";
import { Room } from "./page-room.js";

/** @typedef {import("./client.js").Chat} Chat */
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
  #owner;

  /**
   * @param {Chat} chat
   * @param {Store} store
   * @param {Owner} owner
   */
  constructor(chat, store, owner) {
    this.#chat = chat;
    this.#store = store;
    this.#owner = owner;
  }

  get all() {
    return [...this.#rooms.values()];
  }

  /** @param {string} name */
  find(name) {
    return this.#rooms.get(fold(name));
  }

  /** Enter the rooms of the last time; returns the one to open. */
  restore() {
    const { names, active } = this.#store.rooms;
    const ofPosts = [...this.#store.unsent, ...this.#store.returned].map(({ room }) => room);
    const all = new Set([...names, ...ofPosts].map(fold));
    for (const name of all.size ? all : [FIRST]) this.enter(name);
    return this.find(active) ?? this.all[0];
  }

  /**
   * Enter a room. If it cannot have that name, its owner is told soon.
   *
   * @param {string} name
   */
  enter(name) {
    const folded = fold(name);
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

  /** @param {Room} room */
  remove(room) {
    this.#rooms.delete(room.name);
    if (this.active === room) this.active = undefined;
    this.#keepNames();
  }

  /** Keep how far each room was read. */
  keepPlaces() {
    for (const room of this.all) if (room.place) this.#store.keepPlace(room.name, room.place);
  }

  /** Keep all that is known of the rooms. */
  keep() {
    this.#keepNames();
    this.keepPlaces();
  }

  #keepNames() {
    this.#store.keepRooms({ names: [...this.#rooms.keys()], active: this.active?.name ?? "" });
  }
}
