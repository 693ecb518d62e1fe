/**
 * One client's conversation with a server, over any number of connections: what is sent when, and what becomes of what
 * comes. `Chat` is what its user sees of it.
 *
 * It is in one of four states. *Offline* it waits for the time to connect, *connecting* for the server's `welcome`, and
 * *live* for nothing. A loss leads back to *offline*, and what cannot pass to *closed*, for ever; `error` says why. So
 * does a server that breaks the protocol.
 *
 * After everything that happens `pump` sends what can be sent, and sets the alarm for what is due next. On a new
 * connection rooms are resumed before anything is said in them. Whoever listens may call back at any time.
 *
 * @module
 */

import { ClosedError, DisconnectedError, ProtocolError, RefusedError, UsageError } from "./client-errors.js";
import { socketAddress } from "./client-frames.js";
import { Identity, PROTOCOL } from "./client-identity.js";
import { Link } from "./client-link.js";
import { checkFound, checkPage } from "./client-pages.js";
import { Outbox, Outgoing } from "./client-posts.js";
import { Requests } from "./client-requests.js";
import { Rooms } from "./client-rooms.js";
import { Alarm, Backoff, now, within } from "./client-timing.js";

/** @typedef {import("../../docs/protocol.js").Ack} Ack */
/** @typedef {import("../../docs/protocol.js").ClientFrame} ClientFrame */
/** @typedef {import("../../docs/protocol.js").ClientLimits} ClientLimits */
/** @typedef {import("../../docs/protocol.js").ErrorFrame} ErrorFrame */
/** @typedef {import("../../docs/protocol.js").Found} Found */
/** @typedef {import("../../docs/protocol.js").Joined} Joined */
/** @typedef {import("../../docs/protocol.js").Left} Left */
/** @typedef {import("../../docs/protocol.js").Page} Page */
/** @typedef {import("../../docs/protocol.js").ServerFrame} ServerFrame */
/** @typedef {import("../../docs/protocol.js").Welcome} Welcome */
/** @typedef {import("./client-errors.js").ChatError} ChatError */
/** @typedef {import("./client-types.js").ChatEvent} ChatEvent */
/** @typedef {import("./client-types.js").Options} Options */
/** @typedef {import("./client-types.js").Welcomed} Welcomed */

const IN_FLIGHT = 64; // posts that are sent and not answered, unless the server allows fewer
const DEDUPE_SECONDS = 120; // for how long a post is sent again by itself, unless the server names its own time
const STUCK_SECONDS = 2; // after which a connection that is not there is tried anew if somebody looks

const FINAL_REASONS = new Set(["taken_over", "protocol", "banned", "revoked"]);
const PASSING_REFUSALS = new Set(["limit_exceeded", "rate_limited", "unavailable"]);
const GOODBYE_SECONDS = 1; // for which the server's answer to a goodbye is waited for

export class Session {
  #addresses;
  #options;
  #patience;
  #backoff;
  #alarm = new Alarm(() => this.#handleDeadline());
  /** @type {Link | null} */
  #link = null;
  #dialAt = now();
  #tokens = 0;
  /** @type {number | null} */
  #unackedSince = null;
  #wasWelcomed = false;
  #isFinishing = false;
  #isPumping = false;
  #isDue = false; // whether there may be more to send
  /** @type {() => void} */
  #finished = () => {};
  /** @type {(welcome: Welcomed) => void} */
  #resolve = () => {};
  /** @type {(error: ChatError) => void} */
  #reject = () => {};
  #requests = new Requests();

  outbox = new Outbox();
  rooms;
  identity;
  /** @type {ClientLimits} what the server said last */
  limits = {};
  /** @type {boolean | undefined} */
  canSearch;
  /** @type {ChatError | undefined} what has ended it */
  error;

  /**
   * Connects once the current task is over.
   *
   * @param {string | URL | (string | URL)[]} address
   * @param {Options} options
   */
  constructor(address, options) {
    const [first, ...others] = [address].flat();
    this.#addresses = [...new Set([first, ...others].map(socketAddress))];
    this.#options = options;
    this.#patience = { welcome: 15, ack: 5, life: 10, ...options.patience };
    this.#backoff = new Backoff(options.backoff, this.#addresses.length);
    this.rooms = new Rooms(options.mostMissed);
    this.identity = new Identity(options);
    /** @type {Promise<Welcomed>} */
    this.welcomed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.welcomed.catch(() => {});
    for (const post of options.unsent ?? []) this.outbox.add(new Outgoing(post));
    queueMicrotask(() => this.#handleDeadline());
  }

  /** @returns {"connecting" | "live" | "offline" | "closed"} */
  get state() {
    if (this.error) return "closed";
    if (this.#link === null) return "offline";
    return this.#link.isLive ? "live" : "connecting";
  }

  // --- what is asked ------------------------------------------------------------------------------------------------

  /** A token that no other request of this session has. */
  token() {
    return `t${++this.#tokens}`;
  }

  /**
   * Ask what a frame asks; the promise is that of its answer. Throws what has ended the session.
   *
   * @param {ClientFrame} frame
   * @returns {Promise<any>}
   */
  ask(frame) {
    this.#checkOpen();
    const answer = this.#requests.add(frame);
    if (frame.type === "ping") this.#link?.ask(now());
    this.pump();
    return answer;
  }

  /**
   * Ask for something no more.
   *
   * @param {string} token
   */
  withdraw(token) {
    this.#requests.withdraw(token, new ClosedError("this was withdrawn"));
  }

  /** @param {Outgoing} post */
  post(post) {
    this.#checkOpen();
    this.outbox.add(post);
    this.pump();
  }

  wake() {
    if (this.error) return;
    const link = this.#link;
    if (link?.isLive) link.ask(now());
    else if (link === null || link.waitingFor(now()) > STUCK_SECONDS) this.#redial();
    this.pump();
  }

  handOver() {
    this.#fail(new DisconnectedError("taken_over"));
  }

  /** @param {number} wait seconds for the answers to posts */
  async close(wait) {
    if (this.error) return;
    this.#isFinishing = true;
    if (!this.outbox.isEmpty) await within(wait, new Promise((resolve) => (this.#finished = () => resolve(undefined))));
    const link = this.#link;
    this.#end(new ClosedError("the chat was closed"));
    link?.sayGoodbye();
    if (link) await within(GOODBYE_SECONDS, link.ended);
  }

  #checkOpen() {
    if (this.error) throw this.error;
    if (this.#isFinishing) throw new ClosedError("the chat is being closed");
  }

  // --- connections --------------------------------------------------------------------------------------------------

  #dial() {
    this.#dialAt = Infinity;
    this.#emit({ type: "connecting" });
    if (this.error) return;
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    if (Socket === undefined) return this.#end(new UsageError("there is no WebSocket here: give one as an option"));
    try {
      this.#link = new Link(this.#addresses[this.#backoff.node], Socket, this.#owner(), this.#patience, now());
    } catch (error) {
      this.#end(new UsageError(`the browser does not connect to this address: ${error}`));
    }
  }

  /** @returns {import("./client-link.js").Owner} */
  #owner() {
    return {
      opened: (link) => this.#ifCurrent(link, () => link.send(this.identity.hello)),
      received: (link, lines) => this.#ifCurrent(link, () => this.#receive(link, lines)),
      confused: (link, what) => this.#ifCurrent(link, () => this.#fail(new ProtocolError(what))),
      ended: (link) => this.#ifCurrent(link, () => this.#lose("lost")),
    };
  }

  #redial() {
    const link = this.#link;
    this.#link = null;
    link?.giveUp();
    if (link) this.#backoff.next();
    this.#dial();
  }

  /**
   * @param {Link} link
   * @param {() => void} call
   */
  #ifCurrent(link, call) {
    if (this.#link !== link) return;
    call();
    this.pump();
  }

  /** @param {Welcome} frame */
  #receiveWelcome(frame) {
    if (frame.protocol !== PROTOCOL) {
      const message = `the server chose protocol ${frame.protocol}, and we speak ${PROTOCOL}`;
      return this.#fail(new RefusedError({ code: "unsupported_protocol", message }));
    }
    this.#link?.goLive();
    this.#wasWelcomed = true;
    this.identity.receiveWelcome(frame);
    this.limits = frame.limits ?? {};
    this.canSearch = frame.search;
    const stale = this.#resume();
    const { session: _, ...welcome } = frame;
    this.#emit(welcome);
    this.#resolve(welcome);
    if (stale.length) this.#emit({ type: "stale", posts: stale.map((post) => post.unsent) });
  }

  /**
   * Ask again for what the last connection owed us, rooms first; posts without an acknowledgement follow. Returns those
   * that are too old.
   */
  #resume() {
    for (const room of this.#requests.reconnected()) this.rooms.leave(room);
    for (const join of this.rooms.resume()) this.#link?.send(join);
    this.#unackedSince = null;
    const oldest = Date.now() - 1000 * (this.limits.dedupe_seconds ?? DEDUPE_SECONDS);
    const stale = this.outbox.reconnected(oldest);
    for (const post of stale) post.fail(new DisconnectedError("lost"));
    return stale;
  }

  /**
   * The connection has ended, or is given up.
   *
   * @param {string} reason
   * @param {number} [after] seconds, where the server named a time
   */
  #lose(reason, after) {
    const link = this.#link;
    this.#link = null;
    link?.giveUp();
    if (this.#options.reconnect === false || FINAL_REASONS.has(reason)) this.#end(new DisconnectedError(reason, after));
    else this.#waitForServer(reason, after);
  }

  /**
   * @param {string} reason
   * @param {number} [atLeast] seconds
   * @param {string} [message] what the server says of it
   */
  #waitForServer(reason, atLeast, message) {
    const retryIn = this.#backoff.next(atLeast);
    this.#dialAt = now() + retryIn;
    this.#emit({ type: "offline", reason, retryIn, message });
  }

  /**
   * The server does not let us in. A nick may be free long before its reservation ends; but whoever was never let in
   * had better choose another one.
   *
   * @param {RefusedError} error
   */
  #receiveRejection(error) {
    const { code, retryAfter, message } = error;
    const isTaken = code === "nick_taken";
    const passes = isTaken ? this.#wasWelcomed : retryAfter !== undefined || PASSING_REFUSALS.has(code);
    if (!passes || this.#options.reconnect === false) return this.#fail(error);
    const link = this.#link;
    this.#link = null;
    link?.giveUp();
    this.#waitForServer(code, isTaken ? 0 : retryAfter, message);
  }

  /**
   * End the chat, and its connection, without a goodbye.
   *
   * @param {ChatError} error
   */
  #fail(error) {
    const link = this.#link;
    this.#end(error);
    link?.giveUp();
  }

  /** @param {ChatError} error */
  #end(error) {
    if (this.error) return;
    this.error = error;
    this.#link = null;
    this.#dialAt = Infinity;
    this.#alarm.stop();
    this.#reject(error);
    this.#requests.fail(error);
    this.outbox.fail(error);
    this.#finished();
    this.#emit({ type: "closed", error });
  }

  // --- input --------------------------------------------------------------------------------------------------------

  /**
   * @param {Link} link
   * @param {string[]} lines
   */
  #receive(link, lines) {
    link.noteLife(now());
    try {
      for (const line of lines) {
        if (this.#link !== link) return;
        if (line.trim() !== "") this.#handle(link, parse(line));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(error);
    }
  }

  /**
   * @param {Link} link
   * @param {ServerFrame} frame
   */
  #handle(link, frame) {
    switch (frame.type) {
      case "message":
      case "gap":
        if (this.rooms.receive(frame)) this.#emit(frame);
        return this.#backoff.reset();
      case "joined":
        return this.#receiveJoined(frame);
      case "left":
        return this.#receiveLeft(frame);
      case "nick":
        this.identity.takeNick(frame.nick);
        this.#answer(frame);
        return this.#emit(frame);
      case "presence":
        return this.#emit(frame);
      case "closing":
        this.#emit(frame);
        return this.#lose(frame.reason, frame.reconnect_after);
      case "error":
        return this.#receiveError(link, frame);
      case "ping":
        return link.send({ type: "pong", token: frame.token });
      case "welcome":
        return this.#receiveWelcome(frame);
      default:
        return this.#receiveAnswer(link, frame);
    }
  }

  /**
   * Take what was asked for, most of which is nobody's event.
   *
   * @param {Link} link
   * @param {ServerFrame} frame
   */
  #receiveAnswer(link, frame) {
    switch (frame.type) {
      case "ack":
        return this.#receiveAck(frame);
      case "members": {
        const next = this.#requests.collect(frame);
        return next && link.send(next);
      }
      case "page":
      case "found":
        this.#check(frame);
        return this.#answer(frame);
      case "room_list":
      case "pong":
        return this.#answer(frame);
      case "invited":
      case "moderated":
        if (!this.#requests.answer(frame)) this.#emit(frame);
        return this.#backoff.reset();
      default: // what later versions add
    }
  }

  /** @param {ServerFrame} frame */
  #answer(frame) {
    this.#requests.answer(frame);
    this.#backoff.reset();
  }

  /** @param {Page | Found} frame */
  #check(frame) {
    const asked = this.#requests.asked(frame);
    if (frame.type === "page" && asked?.type === "history") checkPage(frame, asked);
    if (frame.type === "found" && asked?.type === "search") checkFound(frame, asked);
  }

  /** @param {Ack} frame */
  #receiveAck(frame) {
    this.#backoff.reset();
    this.#unackedSince = now();
    if (this.outbox.settle(frame)) this.#emit(frame);
  }

  /** @param {Joined} frame */
  #receiveJoined(frame) {
    const asked = this.#requests.asked(frame);
    this.rooms.enter(frame, asked?.type === "join" ? asked : undefined);
    this.#emit(frame);
    this.#answer(frame);
  }

  /** @param {Left} frame */
  #receiveLeft(frame) {
    if (!this.rooms.has(frame.room) && this.#requests.refuseJoin(frame.room)) return;
    this.rooms.leave(frame.room);
    this.#emit(frame);
    this.#answer(frame);
  }

  /**
   * Take an error to what it refuses: a post, a request, our return to a room, or the whole connection. It is an event
   * if there is no such thing.
   *
   * @param {Link} link
   * @param {ErrorFrame} frame
   */
  #receiveError(link, frame) {
    const error = new RefusedError(frame);
    if (!link.isLive && frame.room === undefined) return this.#receiveRejection(error);
    const { isOurs, failed } = this.outbox.refuse(error, now());
    if (isOurs) this.#unackedSince = now();
    if (failed) this.#emit({ type: "refused", post: failed.unsent, error });
    if (isOurs || this.#requests.refuse(error, now()) || this.#isExclusion(frame)) return;
    this.#emit(frame);
  }

  /**
   * Take what may be the refusal to let us back into a room; returns whether it will be asked again.
   *
   * @param {ErrorFrame} frame
   */
  #isExclusion({ room, id, retry_after }) {
    if (room === undefined || id !== undefined || !this.rooms.isAwaited(room)) return false;
    if (retry_after === undefined) this.rooms.leave(room);
    else this.rooms.askAgain(room, now() + retry_after);
    return retry_after !== undefined;
  }

  // --- output -------------------------------------------------------------------------------------------------------

  /**
   * Send what can be sent, and see to what is due next. To be called after everything that happens. Whoever is told of
   * something may call us again; that waits until the posts which are taken out are sent, so none overtakes another.
   */
  pump() {
    this.#isDue = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#isDue && !this.error) {
      this.#isDue = false;
      this.#flush();
    }
    this.#isPumping = false;
    if (!this.error) this.#alarm.set(this.#deadline);
  }

  #flush() {
    const link = this.#link;
    const posts = link?.isLive ? this.#takeOut(link) : [];
    if (this.outbox.changed) this.#emit({ type: "unsent" });
    for (const post of posts) this.#send(link, post);
    if (this.#isFinishing && this.outbox.isEmpty) this.#finished();
  }

  /**
   * Send requests, and return the posts to be sent after them.
   *
   * @param {Link} link
   */
  #takeOut(link) {
    for (const frame of this.#requests.take(now(), (room) => this.#isAwaited(room))) link.send(frame);
    const posts = this.outbox.take(now(), this.#window, (room) => this.#isClosed(room));
    if (posts.length) this.#unackedSince ??= now();
    return posts;
  }

  /**
   * Send a post, unless the server would cut the connection for it.
   *
   * @param {Link | null} link
   * @param {Outgoing} post
   */
  #send(link, post) {
    const line = JSON.stringify(post.frame);
    if (new TextEncoder().encode(line).length <= (this.limits.line_bytes ?? Infinity)) return link?.sendLine(line);
    const { room, id } = post;
    const error = new RefusedError({ code: "too_long", message: "the text is longer than a line may be", room, id });
    this.outbox.refuse(error, now());
    this.#isDue = true;
    this.#emit({ type: "refused", post: post.unsent, error });
  }

  /** @param {string} [room] */
  #isAwaited(room) {
    return room === undefined ? this.rooms.awaitsAny : this.rooms.isAwaited(room);
  }

  /** @param {string} room */
  #isClosed(room) {
    return this.rooms.isAwaited(room) || this.#requests.isEntering(room);
  }

  get #window() {
    return Math.min(this.limits.posts_in_flight ?? IN_FLIGHT, IN_FLIGHT);
  }

  get #deadline() {
    const link = this.#link;
    if (link === null) return this.#dialAt;
    const alive = link.deadline(this.limits, this.#waitsForAckSince);
    if (!link.isLive) return alive;
    const posts = this.outbox.inFlight < this.#window ? this.outbox.deadline((room) => this.#isClosed(room)) : Infinity;
    return Math.min(alive, this.rooms.deadline, this.#requests.deadline, posts);
  }

  get #waitsForAckSince() {
    if (!this.outbox.inFlight) this.#unackedSince = null;
    return this.#unackedSince;
  }

  #handleDeadline() {
    if (this.error) return;
    const link = this.#link;
    const time = now();
    if (link === null) {
      if (this.#dialAt <= time) this.#dial();
    } else if (link.isOver(time, this.limits, this.#waitsForAckSince)) {
      this.#lose("timeout");
    } else if (link.isLive) {
      for (const join of this.rooms.dueJoins(time)) link.send(join);
    }
    this.pump();
  }

  /**
   * Tell what happened. What goes wrong with whoever is told is theirs, and is reported as such.
   *
   * @param {ChatEvent} event
   */
  #emit(event) {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/**
 * @param {string} line
 * @returns {ServerFrame}
 */
function parse(line) {
  try {
    const frame = JSON.parse(line);
    if (typeof frame?.type === "string") return frame;
  } catch {
    // The text may be anything, and is not repeated.
  }
  throw new ProtocolError("the server sent what is not a frame");
}
