/**
 * What is on the screen, drawn once a frame at most, however much happens.
 *
 * While the window is hidden there are no frames: it is drawn by a timer then, since its title says what is unread.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";
import { Log } from "./page-log.js";
import { rowsOf } from "./page-rows.js";
import { drawMe, drawPeople, drawRooms, drawTitle, toggleRooms } from "./page-sidebar.js";
import { State } from "./page-state.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-posts.js").Posts} Posts */
/** @typedef {import("./page-room.js").Room} Room */
/** @typedef {import("./page-rooms.js").Rooms} Rooms */
/** @typedef {import("./page-reader.js").Reader} Reader */
/** @typedef {import("./page-store.js").Store} Store */
/**
 * @typedef {{chat: Chat, store: Store, rooms: Rooms, posts: Posts, reader: Reader, open: (room: Room) => void, drawn: () => void}} Parts
 */

const HIDDEN_MS = 250; // between two drawings while nobody looks
const SLOW_MS = 16; // a drawing that takes longer is followed by a rest
const REST = 2; // times as long as it took, so that what comes has its share of the time
const CATCH_UP_MS = 200; // between two drawings while what was missed still comes
const SAID_MS = 10_000; // for which a word to the user stays
const KEYBOARD = 100; // pixels of the screen: nothing smaller covers it
const ANNOUNCED = 3; // messages that are read out in full

export class View {
  #parts;
  #isDue = false;
  #restsUntil = 0;
  /** @type {string[]} */
  #news = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  #state = new State();
  #log;
  #signal;
  /** @type {Room | undefined} the one whose read mark is looked for */
  #opening;

  /**
   * @param {Parts} parts
   * @param {AbortSignal} signal after it nothing is drawn
   */
  constructor(parts, signal) {
    this.#parts = parts;
    this.#signal = signal;
    // The frame that was asked for does not come once the window is hidden.
    document.addEventListener("visibilitychange", () => this.#isDue && this.#schedule(), { signal });
    visualViewport?.addEventListener("resize", () => this.#fitScreen(), { signal });
    signal.addEventListener("abort", () => this.#drawState("")); // what follows is said in another place
    this.#log = new Log(byId("log"), byId("rows"), () => this.changed(), signal);
  }

  /** End where a keyboard on the screen begins: some browsers lay it over the page, and say so here alone. */
  #fitScreen() {
    const { scale = 1, height = innerHeight } = visualViewport ?? {};
    const isCovered = scale === 1 && innerHeight - height > KEYBOARD;
    byId("chat").style.height = isCovered ? `${height}px` : "";
    if (isCovered) scrollTo(0, 0); // the browser may have moved the page to show what is written
  }

  /** Draw soon. */
  changed() {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#schedule();
  }

  #schedule() {
    const draw = () => this.#isDue && this.#draw();
    const frame = () => requestAnimationFrame(draw);
    const rest = this.#restsUntil - performance.now();
    if (document.hidden) setTimeout(draw, HIDDEN_MS);
    else if (rest > 0) setTimeout(frame, rest);
    else frame();
  }

  /**
   * Have a screen reader say something that is new. It says nothing of what is replayed.
   *
   * @param {string} text
   */
  announce(text) {
    this.#news.push(text);
  }

  /**
   * Say something to the user for a while.
   *
   * @param {string} words
   */
  say(words) {
    setText(byId("word"), words);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => setText(byId("word"), ""), SAID_MS);
  }

  /** @param {import("./client-types.js").Offline} event why there is no connection */
  async goOffline(event) {
    await this.#state.goOffline(event);
    this.changed();
  }

  /** @param {Room} room */
  show(room) {
    this.#log.clear();
    toggleRooms(false);
    setText(byId("room-name"), room.label);
    this.changed();
  }

  clear() {
    this.#log.clear();
    setText(byId("room-name"), "");
    this.changed();
  }

  /** @param {Room} room */
  goToLatest(room) {
    room.goToEnd();
    if (this.#parts.rooms.active === room) this.#log.follow();
    this.changed();
  }

  /**
   * @param {Room} room
   * @param {number} seq
   */
  async goToMessage(room, seq) {
    this.#log.unfollow();
    if ((await room.goTo(seq)) && this.#parts.rooms.active === room) {
      this.#drawRows(room);
      this.#log.goToMessage(seq);
    }
    this.changed();
  }

  /** Go to the read mark: nothing counts as read before its user is there. @param {Room} room */
  async #goToMark(room) {
    if (this.#opening === room) return;
    this.#opening = room;
    const isWanted = await room.goToMark();
    this.#opening = undefined;
    if (isWanted && room.opensAtMark && this.#parts.rooms.active === room) {
      this.#drawRows(room);
      room.arrive();
      if (!this.#log.goTo("mark")) this.goToLatest(room);
    }
    this.changed();
  }

  #draw() {
    this.#isDue = false;
    if (this.#signal.aborted) return;
    const began = performance.now();
    this.#drawAll();
    const took = performance.now() - began;
    this.#restsUntil = performance.now() + this.#restAfter(took);
  }

  /** @param {number} took */
  #restAfter(took) {
    const room = this.#parts.rooms.active;
    if (room?.opensAtMark && !room.isCaughtUp) return CATCH_UP_MS;
    return took > SLOW_MS ? REST * took : 0;
  }

  #drawAll() {
    const { chat, store, rooms, open, drawn } = this.#parts;
    const room = rooms.active;
    if (room) this.#drawRoom(room);
    drawRooms(rooms.all, room, open);
    drawPeople(room);
    drawTitle(rooms.all, room);
    drawMe(chat.nick);
    byId("me-devices").hidden = byId("moderate").hidden = chat.account === undefined;
    byId("search-button").hidden = chat.canSearch === false;
    this.#drawState(this.#state.wordsFor(chat.state, store));
    this.#readOut();
    drawn();
  }

  /** @param {string} words */
  #drawState(words) {
    setText(byId("state"), words);
    byId("state").classList.toggle("lost", words !== "");
  }

  /** @param {Room} room */
  #drawRoom(room) {
    if (room.opensAtMark || !room.isAtEnd) this.#log.unfollow();
    room.follow(this.#log.isFollowing || room.opensAtMark);
    this.#drawRows(room);
    if (!room.opensAtMark) this.#lookAround(room);
    else if (room.isCaughtUp) this.#goToMark(room);
    byId("empty").hidden = !room.isEmpty;
    byId("latest").hidden = room.isAtEnd && this.#log.isFollowing;
    setText(byId("latest"), room.unread ? `${room.unread} new ↓` : "Latest ↓");
  }

  /** @param {Room} room */
  #drawRows(room) {
    const { chat, posts, reader } = this.#parts;
    posts.passed(room.name, chat.position(room.name)?.seq ?? 0);
    room.trim();
    this.#log.draw(rowsOf(room, posts.of(room.name), reader));
  }

  /** Take in what is in sight, and ask for what is near. @param {Room} room */
  #lookAround(room) {
    const isRead = !document.hidden && document.hasFocus();
    if (isRead) room.see(this.#log.isFollowing ? room.window.end : this.#log.lastSeen, this.#parts.reader);
    if (room.isLeft) return; // the server shows it to members alone
    if (this.#log.isNearStart) room.loadOlder();
    if (this.#log.isNearEnd) room.loadNewer();
  }

  #readOut() {
    const news = this.#news;
    if (!news.length) return;
    this.#news = [];
    setText(byId("announcer"), news.length > ANNOUNCED ? `${news.length} new messages` : news.join("\n"));
  }
}
