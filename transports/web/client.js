/**
 * A client of a chatcore server, for browsers and Node: rooms that are read without a hole, and posts that are stored
 * once, over any number of connections. docs/javascript.md shows how to use it, and docs/protocol.md what it speaks.
 *
 *     const chat = new Chat("http://127.0.0.1:8024", { nick: "ada", onEvent: (event) => console.log(event) });
 *     await chat.join("lobby", { history: 50 });
 *     await chat.post("lobby", "hello").stored;
 *
 * A chat connects by itself, and again when the connection is lost: its rooms are resumed where they were, what was
 * not answered is asked again, and posts without an acknowledgement are sent again under their ids. What happens is
 * told by events, objects that are told apart by their `type`: frames of the server as they came, and a few of our own.
 *
 * It keeps nothing itself. To go on after a reload, store `session`, the `position` of each room and `unsent`, and hand
 * them in again.
 *
 * @module
 */

import { ClosedError } from "./client-errors.js";
import { checkId, checkNick, checkRoom, checkText, newId } from "./client-frames.js";
import { Outgoing } from "./client-posts.js";
import { Session } from "./client-session.js";
import { now } from "./client-timing.js";

export * from "./client-errors.js";
export { fold, newId, newKey } from "./client-frames.js";
export { entriesOf } from "./client-pages.js";

/** @typedef {import("../../docs/protocol.js").Found} Found */
/** @typedef {import("../../docs/protocol.js").HistoryFrame} HistoryFrame */
/** @typedef {import("../../docs/protocol.js").Invited} Invited */
/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Left} Left */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Moderate} Moderate */
/** @typedef {import("../../docs/protocol.js").Moderated} Moderated */
/** @typedef {import("../../docs/protocol.js").NickFrame} NickFrame */
/** @typedef {import("../../docs/protocol.js").Page} Page */
/** @typedef {import("../../docs/protocol.js").Position} Position */
/** @typedef {import("../../docs/protocol.js").RoomList} RoomList */
/** @typedef {import("../../docs/protocol.js").Rooms} RoomsFrame */
/** @typedef {import("../../docs/protocol.js").Search} Search */
/** @typedef {import("./client-posts.js").Unsent} Unsent */
/** @typedef {import("./client-types.js").ChatEvent} ChatEvent */
/** @typedef {import("./client-types.js").Options} Options */

/**
 * One client's conversation with a server. Its methods throw `UsageError` for an invalid argument, and what ended the
 * chat once it is closed; their promises are rejected with a `RefusedError` if the server says no. While there is no
 * connection, what is asked waits.
 */
export class Chat {
  #session;

  /**
   * Connects once the current task is over.
   *
   * @param {string | URL | (string | URL)[]} address that of the page, such as `http://127.0.0.1:8024`, or of the
   *   socket, `ws://.../ws`; a list, where one server has several nodes
   * @param {Options} options
   */
  constructor(address, options) {
    this.#session = new Session(address, options);
  }

  // --- what a caller may know ---------------------------------------------------------------------------------------

  /** The server's first welcome; fails with what ended the chat before it. */
  get welcomed() {
    return this.#session.welcomed;
  }

  get state() {
    return this.#session.state;
  }

  get nick() {
    return this.#session.identity.nick;
  }

  /** The account, if we have one. */
  get account() {
    return this.#session.identity.account;
  }

  get role() {
    return this.#session.identity.role;
  }

  /** The secret that gives this chat's nick back: store it. There is none before the first `welcome`. */
  get session() {
    return this.#session.identity.secret;
  }

  /** What the server said last. */
  get limits() {
    return this.#session.limits;
  }

  /** Whether the server can search, if it has said. */
  get canSearch() {
    return this.#session.canSearch;
  }

  /** What has ended it. */
  get error() {
    return this.#session.error;
  }

  /** The rooms that we are in, folded; also while there is no connection. */
  get rooms() {
    return this.#session.rooms.names;
  }

  /**
   * How far a room was read, or `undefined` if we are not in it: store it, and hand it to `join` as `after`.
   *
   * @param {string} room
   */
  position(room) {
    return this.#session.rooms.position(room);
  }

  /** @returns {Unsent[]} what has no answer, first to last: store it */
  get unsent() {
    return this.#session.outbox.unsent;
  }

  /**
   * Tell whether a message was stored before its room was entered, the last time.
   *
   * @param {Message} message
   */
  isReplay(message) {
    return this.#session.rooms.isReplay(message);
  }

  /**
   * Tell whether a message is ours: this chat posted it, it has our nick or, with an account, is by another device.
   *
   * @param {Message} message
   */
  isMine(message) {
    return this.#session.identity.isAuthor(message) || this.#session.outbox.hasPosted(message);
  }

  // --- what a caller may ask ----------------------------------------------------------------------------------------

  /**
   * Enter a room: from now on, with its last `history` messages, or `after` a position, with at most `history` of what
   * was missed.
   *
   * @param {string} room
   * @param {{after?: Position, history?: number}} [from]
   * @returns {Promise<Joined>}
   */
  async join(room, { after, history } = {}) {
    return this.#session.ask({ type: "join", room: checkRoom(room), after, history });
  }

  /**
   * @param {string} room
   * @returns {Promise<Left>}
   */
  async leave(room) {
    return this.#session.ask({ type: "leave", room: checkRoom(room) });
  }

  /**
   * Post to a room that we are in, or are entering. The `id` of what is returned is that of the message, and its
   * promise `stored` is settled when the server has stored it, or refused it for good.
   *
   * @param {string} room
   * @param {string} text
   * @param {{id?: string, kind?: string, target?: number}} [options]
   * @returns {Outgoing}
   */
  post(room, text, { id = newId(), kind, target } = {}) {
    const checked = { room: checkRoom(room), id: checkId(id), kind, target, text: checkText(text) };
    const post = new Outgoing({ ...checked, at: Date.now(), wasSent: false });
    this.#session.post(post);
    return post;
  }

  /**
   * Give up a post that is not on its way; returns whether it was there.
   *
   * @param {string} room
   * @param {string} id
   */
  discard(room, id) {
    const post = this.#session.outbox.discard(room, id);
    post?.fail(new ClosedError("the post was discarded"));
    this.#session.pump();
    return post !== undefined;
  }

  /**
   * A page of a room that we are in, oldest first. `entriesOf` gives its messages and gaps in their order.
   *
   * @param {string} room
   * @param {Omit<HistoryFrame, "type" | "room" | "token">} [bounds]
   * @returns {Promise<Page>}
   */
  async history(room, bounds) {
    return this.#session.ask({ ...bounds, type: "history", room: checkRoom(room), token: this.#session.token() });
  }

  /**
   * The nicks of everybody in a room that we are in.
   *
   * @param {string} room
   * @returns {Promise<string[]>}
   */
  async who(room) {
    return (await this.#session.ask({ type: "who", room: checkRoom(room) })).nicks;
  }

  /**
   * A page of the server's rooms.
   *
   * @param {Omit<RoomsFrame, "type" | "token">} [bounds]
   * @param {{signal?: AbortSignal}} [options] aborted, it is not asked for any more
   * @returns {Promise<RoomList>}
   */
  async listRooms(bounds, { signal } = {}) {
    return this.#askUntil(signal, { ...bounds, type: "rooms", token: this.#session.token() });
  }

  /**
   * Messages that have all words of a query, are of a nick, or both, newest first; with a `cursor` there may be more.
   *
   * @param {Omit<Search, "type" | "token">} query
   * @param {{signal?: AbortSignal}} [options] aborted, it is not asked for any more
   * @returns {Promise<Found>}
   */
  async search(query, { signal } = {}) {
    return this.#askUntil(signal, { ...query, type: "search", token: this.#session.token() });
  }

  /**
   * Act on a room or on somebody; the promise is settled once that is stored and in force.
   *
   * With a `signal` that is aborted it is not asked for any more; what was asked by then may be done all the same, and
   * if its answer comes, that is an event.
   *
   * @param {Moderate["act"]} act
   * @param {Omit<Moderate, "type" | "act" | "token">} on
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Moderated>}
   */
  async moderate(act, on, { signal } = {}) {
    return this.#askUntil(signal, { ...on, type: "moderate", act, token: this.#session.token() });
  }

  /**
   * Ask for an invite for one more device of our own account.
   *
   * @param {{signal?: AbortSignal}} [options] aborted, it is not asked for any more
   * @returns {Promise<Invited>}
   */
  async inviteDevice({ signal } = {}) {
    return this.#askUntil(signal, { type: "invite", token: this.#session.token() });
  }

  /**
   * Have the server revoke the key that this chat has shown: then it is over, and so are all others with that key. The
   * key is never valid again, so remove it where you store it. Your other devices stay.
   *
   * With a `signal` that is aborted it is not asked for any more; what was asked by then may be done all the same.
   *
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<void>}
   */
  async forgetDevice({ signal } = {}) {
    await this.#askUntil(signal, { type: "forget", token: this.#session.token() });
  }

  /**
   * Ask for another nick.
   *
   * @param {string} nick
   * @param {{signal?: AbortSignal}} [options] aborted, it is not asked for any more
   * @returns {Promise<NickFrame>}
   */
  async setNick(nick, { signal } = {}) {
    return this.#askUntil(signal, { type: "nick", nick: checkNick(nick), token: this.#session.token() });
  }

  /**
   * Ask, until that is withdrawn.
   *
   * @param {AbortSignal | undefined} signal
   * @param {import("../../docs/protocol.js").ClientFrame & {token: string}} frame
   */
  async #askUntil(signal, frame) {
    signal?.throwIfAborted();
    const answer = this.#session.ask(frame);
    const withdraw = () => this.#session.withdraw(frame.token);
    signal?.addEventListener("abort", withdraw, { once: true });
    return answer.finally(() => signal?.removeEventListener("abort", withdraw));
  }

  /**
   * Ask for a sign of life; the promise is that of the seconds which it took.
   *
   * @returns {Promise<number>}
   */
  async ping() {
    const since = now();
    await this.#session.ask({ type: "ping", token: this.#session.token() });
    return now() - since;
  }

  /**
   * Learn that now is a good time: the network is back, or somebody looks at the page again. A lost connection is
   * tried at once, and one that is there has to show that it is alive.
   */
  wake() {
    this.#session.wake();
  }

  /**
   * End it without a goodbye: another chat goes on with its session, as in another window.
   */
  handOver() {
    this.#session.handOver();
  }

  /**
   * Say goodbye, once all posts are answered or `wait` seconds are over: from then on anybody may take the nick.
   * Nothing more can be asked. A page that is only reloaded does not call this, and its nick stays reserved.
   *
   * @param {{wait?: number}} [options]
   */
  async close({ wait = 5 } = {}) {
    await this.#session.close(wait);
  }
}
