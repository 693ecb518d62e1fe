/**
 * The chat on the page: what happens goes to the rooms and the rows, and what must outlive the page is kept.
 *
 * @module
 */

import { Chat, fold } from "./client.js";
import { Attention, Keys } from "./page-attention.js";
import { Composer } from "./page-composer.js";
import { byId } from "./page-elements.js";
import { Me, wordsForModerated } from "./page-me.js";
import { listen, receiveWelcome } from "./page-parts.js";
import { parse, Posts, wordsForRefused } from "./page-posts.js";
import { Reader } from "./page-reader.js";
import { MOST_MISSED, Rooms } from "./page-rooms.js";
import { View } from "./page-view.js";

/** @typedef {import("./client-types.js").ChatEvent} ChatEvent */
/** @typedef {import("./page-access.js").Access} Access */
/** @typedef {import("./page-room.js").Room} Room */
/** @typedef {import("./page-store.js").Store} Store */
/** @typedef {import("../../docs/protocol.js").Message} Message */

const LEFT = "Edit or discard what is not sent, or enter the room again.";
const LIFE_SECONDS = 5; // for an answer, once somebody looks or the network is back: they wait for it
export class App {
  #store;
  #ended;
  #chat;
  #posts;
  #reader;
  #rooms;
  #view;
  #composer;
  #openSwitcher;
  #keys;
  #attention;
  #me;
  #isOver = false;

  /**
   * @param {string} server
   * @param {Store} store
   * @param {Access} access
   * @param {(error: any) => void} ended
   */
  constructor(server, store, access, ended) {
    this.#store = store;
    this.#ended = ended;
    const { unsent, returned, device: { nick = "" } } = store;
    const onEvent = (/** @type {ChatEvent} */ event) => this.#receive(event);
    const options = { nick, unsent, mostMissed: MOST_MISSED, patience: { life: LIFE_SECONDS }, onEvent };
    const nodes = document.documentElement.dataset.nodes?.split(" ") ?? [];
    const chat = new Chat([server, ...nodes], { ...access.proofs, ...options });
    this.#chat = chat;
    this.#keys = new Keys(this);
    this.#posts = new Posts(unsent, returned);
    this.#rooms = new Rooms(chat, store, this.#posts, {
      changed: () => this.#view.changed(),
      refused: (room, error) => this.#refused(room, error.message),
    });
    this.#reader = new Reader(chat, this.#posts, store, {
      changed: () => this.#tidy(),
      show: (room, seq) => this.#show(room, seq),
      edit: (text) => this.#composer.write(text),
    });
    this.#view = new View({
      chat, store, rooms: this.#rooms, posts: this.#posts, reader: this.#reader,
      open: (room) => this.#open(room), drawn: () => this.#keep(),
    }, this.#keys.signal);
    this.#composer = new Composer({
      post: (text) => this.#post(text),
      typed: (text) => this.#active && this.#store.keepDraft(this.#active.name, text),
      nicks: () => [...(this.#active?.nicks ?? [])],
      limit: () => chat.limits.text_bytes,
    });
    const say = (/** @type {string} */ words) => this.say(words);
    this.#me = new Me(chat, store, access, say);
    this.#attention = new Attention(chat, store, {
      looked: () => this.#looked(), focused: () => this.#focused(), left: () => this.#keep(),
      retried: () => this.#view.changed(),
    }, this.#keys.signal);
    this.#openSwitcher = listen(chat, {
      say, latest: () => this.goToLatest(), leave: () => this.#leave(), changed: () => this.#view.changed(),
      place: () => this.#active, show: ({ room, seq }) => this.#show(room, seq), go: (room) => this.#go(room),
    });
    byId("chat").hidden = false;
    this.#open(this.#rooms.restore());
  }

  get #active() {
    return this.#rooms.active;
  }

  // --- what its user does -------------------------------------------------------------------------------------------

  /** @param {Room} room */
  #open(room) {
    this.#rooms.activate(room);
    this.#view.show(room);
    this.#composer.name(room.isLeft ? `You are not in #${room.name}` : `Message #${room.name}`);
    this.#composer.show(this.#store.draft(room.name));
    if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    this.#tidy();
  }

  /**
   * Open a room by its name, and enter it if we are not in it. The list of rooms may be open.
   *
   * @param {string} name
   */
  #go(name) {
    byId("switcher").close();
    this.#open(this.#rooms.enter(name));
  }

  goToLatest() {
    if (this.#active) this.#view.goToLatest(this.#active);
  }

  /** @param {number} step */
  openNext(step) {
    const room = this.#rooms.next(step);
    if (room) this.#open(room);
  }

  openSwitcher() {
    this.#openSwitcher();
  }

  focus() {
    this.#composer.focus();
  }

  /** @param {string} words to its user */
  say(words) {
    this.#view.say(words);
  }

  /** @param {string} typed @returns {boolean} whether it is on its way */
  #post(typed) {
    const room = this.#active;
    if (room?.isLeft) this.say(`You are not in #${room.name}. ${LEFT}`);
    if (room === undefined || room.isLeft) return false;
    const { text, kind } = parse(typed);
    const { id } = this.#chat.post(room.name, text, { kind });
    this.#posts.add({ room: room.name, id, kind, text, at: Date.now() });
    room.dropMark();
    this.goToLatest();
    return true;
  }

  #leave() {
    const room = this.#active;
    if (room === undefined) return;
    if (!room.isLeft) this.#chat.leave(room.name).catch(() => {});
    this.#remove(room);
    if (this.#active === room) this.say(`You have left #${room.name}. ${LEFT}`);
  }

  /** Show the rooms of what we have not sent, and let go of those that we have left and that hold nothing more. */
  #tidy() {
    this.#rooms.showUnsent();
    for (const room of this.#rooms.finished) this.#remove(room);
    this.#view.changed();
  }

  /** @param {Room} room */
  #remove(room) {
    const wasActive = this.#active === room;
    this.#rooms.remove(room);
    const next = this.#active ?? this.#rooms.all[0];
    if (!wasActive) return this.#view.changed();
    if (next) return this.#open(next);
    this.#view.clear();
    return this.#openSwitcher(() => this.#active === undefined);
  }

  /**
   * @param {string} name
   * @param {number} seq
   */
  #show(name, seq) {
    this.#go(name);
    if (this.#active?.name === fold(name)) this.#view.goToMessage(this.#active, seq);
  }

  #focused() {
    this.#active?.showMark();
    this.#view.changed();
  }

  #looked() {
    this.#active?.setMark();
    this.#view.changed();
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  /** @param {ChatEvent} event */
  #receive(event) {
    const room = "room" in event && event.room ? this.#rooms.find(event.room) : undefined;
    if (room === undefined) this.#receiveState(event);
    else this.#receiveOf(room, event);
    this.#view.changed();
  }

  /**
   * @param {Room} room
   * @param {ChatEvent} event
   */
  #receiveOf(room, event) {
    if (event.type === "message") this.#receiveMessage(room, event);
    else if (event.type === "gap") room.receive(event, { isMine: false, isMention: false });
    else if (event.type === "joined") room.enter(event);
    else if (event.type === "presence") room.receivePresence(event);
    else if (event.type === "ack") this.#reader.stored(event, room);
    else if (event.type === "left" && event.reason) this.#refused(room, "you were put out of this room");
    else if (event.type === "error") this.#receiveRefusal(room, event.message);
    else if (event.type === "moderated") this.#view.say(wordsForModerated(event));
  }

  /** @param {ChatEvent} event */
  #receiveState(event) {
    if (event.type === "unsent") this.#store.keepUnsent(this.#chat.unsent);
    else if (event.type === "stale") for (const post of event.posts) this.#reader.giveBack(post);
    else if (event.type === "refused") this.#reader.giveBack(event.post, wordsForRefused(event.error));
    else if (event.type === "welcome") this.#welcomed(event);
    else if (event.type === "connecting") this.#attention.check();
    else if (event.type === "offline") this.#goOffline(event);
    else if (event.type === "closed") this.#close(event.error);
    else this.#me.receive(event);
  }

  /** @param {import("./client-types.js").Welcomed} welcome */
  #welcomed(welcome) {
    receiveWelcome();
    this.#reader.adopt();
    const { isOther, isInvited } = this.#me.welcomed(welcome);
    if (isInvited) this.#rooms.findAdmitted().then((name) => name && this.#go(name), () => {});
    if (!isOther) return;
    this.#rooms.keep(); // what is kept is the account's own
    this.#store.keepUnsent(this.#chat.unsent);
  }

  /** @param {import("./client-types.js").Offline} event */
  #goOffline(event) {
    this.#view.goOffline(event);
    if (event.reason === "forbidden") this.#close({ reason: "banned", retryAfter: event.retryIn });
  }

  /**
   * @param {Room} room
   * @param {Message} message
   */
  #receiveMessage(room, message) {
    const isMine = this.#chat.isMine(message);
    this.#reader.receive(message);
    room.receive(message, { isMine, isMention: this.#reader.isMention(message) });
    const isNews = room === this.#active && !isMine && !this.#chat.isReplay(message);
    if (isNews) this.#view.announce(`${message.nick}: ${message.text}`);
  }

  /**
   * @param {Room} room
   * @param {string} why
   */
  #receiveRefusal(room, why) {
    if (this.#chat.rooms.includes(room.name)) this.#view.say(why);
    else this.#refused(room, why);
  }

  /**
   * We are not in a room.
   *
   * @param {Room} room
   * @param {string} why
   */
  #refused(room, why) {
    if (this.#isOver || room.isLeft || this.#rooms.find(room.name) !== room) return;
    this.#view.say(`#${room.name}: ${why}`);
    this.#remove(room);
  }

  /** @param {any} error */
  #close(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#keys.stop();
    this.#chat.close({ wait: 0 });
    for (const dialog of document.querySelectorAll("dialog[open]")) /** @type {any} */ (dialog).close();
    this.#me.end(() => this.#ended(this.#me.explain(error)));
  }

  #keep() {
    if (!this.#isOver) this.#rooms.keepPlaces();
  }
}
