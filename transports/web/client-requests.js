/**
 * What a client has asked and is not answered yet.
 *
 * The protocol has no number for each request. A page, a list of rooms, what was found, a new nick, an act of
 * moderation and an invite repeat the `token` of their request. Every other answer says only what it is about: a room.
 * So of the requests with one *subject* only the first is sent at a time, and whatever the server says of that room is
 * its answer, or its refusal. The rest wait here, in the order of the calls.
 *
 * Three things are answers only if nothing else explains them. A nick without our token is one that another device has
 * taken, and an invite without it is one that another device has asked for. A room that we are put out of, with a
 * reason, is not one that we have asked to leave.
 *
 * That a key is to be forgotten is answered by the end: the server says that the key is revoked or, to whoever comes back
 * because that was lost, that it is not valid.
 *
 * A request outlives its connection: what was not answered is asked again on the next one.
 *
 * @module
 */

import { DisconnectedError, RefusedError } from "./client-errors.js";
import { fold } from "./client-frames.js";

/** @typedef {import("../../docs/protocol.js").ServerFrame} ServerFrame */
/** @typedef {import("../../docs/protocol.js").ClientFrame} ClientFrame */
/** @typedef {import("../../docs/protocol.js").Members} Members */

const MEMBERS_MAX = 100_000; // nicks of one room that are asked for: after so many, what there is counts as all

/** @type {Readonly<Record<string, string>>} the type of the answer to each request that has one */
const ANSWERS = {
  join: "joined",
  leave: "left",
  who: "members",
  history: "page",
  rooms: "room_list",
  search: "found",
  moderate: "moderated",
  invite: "invited",
  nick: "nick",
  ping: "pong",
};

const BY_ROOM = new Set(["join", "leave", "who"]);
const IN_A_ROOM = new Set(["history", "who", "search"]);

/** A frame that has an answer. */
class Request {
  isSent = false;
  notBefore = -Infinity;
  /** @type {string[]} the nicks named so far */
  nicks = [];

  /**
   * @param {ClientFrame} frame
   * @param {(answer: any) => void} resolve
   * @param {(error: Error) => void} reject
   */
  constructor(frame, resolve, reject) {
    this.frame = frame;
    this.succeed = resolve;
    this.fail = reject;
  }

  /** What its answer will be about, if that is all that the answer says. */
  get subject() {
    return BY_ROOM.has(this.frame.type) ? roomOf(this.frame) : undefined;
  }

  get token() {
    return "token" in this.frame ? this.frame.token : undefined;
  }

  /** @param {boolean} isSent */
  note(isSent) {
    this.isSent = isSent;
    this.notBefore = -Infinity;
    this.nicks = [];
  }

  /** @param {number} when when it may be asked again */
  postpone(when) {
    this.note(false);
    this.notBefore = when;
  }

  /** @param {Error} error what has ended the chat */
  end(error) {
    if (this.frame.type === "forget" && saysNoKey(error)) this.succeed({ type: "closing", reason: "revoked" });
    else this.fail(error);
  }

  /** @param {ServerFrame} answer */
  isAnsweredBy(answer) {
    if (ANSWERS[this.frame.type] !== answer.type) return false;
    if (this.subject === undefined) return "token" in answer && answer.token === this.token;
    return roomOf(answer) === this.subject && !("reason" in answer);
  }

  /** @param {RefusedError} error */
  mayBeRefusedBy({ id, room }) {
    if (id !== undefined) return this.token === id;
    return room !== undefined && this.subject === fold(room);
  }
}

/** Requests without an answer, in the order of the calls. */
export class Requests {
  /** @type {Request[]} */
  #requests = [];

  /**
   * Note that something is to be asked; the promise is that of its answer.
   *
   * @param {ClientFrame} frame
   * @returns {Promise<any>}
   */
  add(frame) {
    return new Promise((resolve, reject) => this.#requests.push(new Request(frame, resolve, reject)));
  }

  /**
   * The frames to send now. A question about a room that we are not back in yet would be refused, so it waits.
   *
   * @param {number} now
   * @param {(room?: string) => boolean} isAwaited of a room, or of any
   * @returns {ClientFrame[]}
   */
  take(now, isAwaited) {
    const subjects = new Set();
    return this.#requests.filter((request) => {
      const { subject, frame } = request;
      const isFirst = subject === undefined || !subjects.has(subject);
      subjects.add(subject);
      const isTooEarly = IN_A_ROOM.has(frame.type) && isAwaited(roomOf(frame));
      if (request.isSent || !isFirst || isTooEarly || request.notBefore > now) return false;
      request.note(true);
      return true;
    }).map((request) => request.frame);
  }

  /** When `take` is worth another call though nothing came; `Infinity` if never. */
  get deadline() {
    const waiting = this.#requests.filter((request) => request.notBefore > -Infinity);
    return Math.min(...waiting.map((request) => request.notBefore));
  }

  /**
   * Tell whether a room is being entered for the first time.
   *
   * @param {string} room
   */
  isEntering(room) {
    return this.#requests.some(({ frame }) => frame.type === "join" && roomOf(frame) === fold(room));
  }

  /**
   * What a frame answers.
   *
   * @param {ServerFrame} frame
   */
  asked(frame) {
    return this.#answeredBy(frame)?.frame;
  }

  /**
   * Take what may be an answer; returns whether it is one.
   *
   * @param {ServerFrame} frame
   */
  answer(frame) {
    const request = this.#answeredBy(frame);
    if (request) this.#remove(request).succeed(frame);
    return request !== undefined;
  }

  /**
   * Take a part of a list of members; returns what to ask for the next part. The last one answers with all of it.
   *
   * @param {Members} frame
   * @returns {ClientFrame | undefined}
   */
  collect(frame) {
    const request = this.#answeredBy(frame);
    if (request === undefined) return undefined;
    request.nicks.push(...frame.nicks);
    const last = frame.nicks.at(-1);
    if (frame.more && last !== undefined && request.nicks.length < MEMBERS_MAX)
      return { type: "who", room: frame.room, after: last };
    this.#remove(request).succeed({ ...frame, nicks: request.nicks });
    return undefined;
  }

  /**
   * Take what may be a refusal; returns whether it is about something that was sent. A room that cannot be entered just
   * now is asked for again.
   *
   * @param {RefusedError} error
   * @param {number} now
   */
  refuse(error, now) {
    const request = this.#sent().find((each) => each.mayBeRefusedBy(error));
    if (request === undefined) return false;
    const { code, retryAfter } = error;
    if (request.frame.type === "join" && retryAfter !== undefined && code !== "forbidden")
      request.postpone(now + retryAfter);
    else this.#remove(request).fail(error);
    return true;
  }

  /**
   * Take that we will not get into a room; returns whether a join of it was sent.
   *
   * @param {string} room
   */
  refuseJoin(room) {
    const request = this.#sent().find(({ frame, subject }) => frame.type === "join" && subject === fold(room));
    if (request === undefined) return false;
    const message = `the server put you out of ${room} before you were in it`;
    this.#remove(request).fail(new RefusedError({ code: "forbidden", message, room }));
    return true;
  }

  /**
   * Have everything asked again on a new connection; returns the rooms that were being left. Those are left: the loss
   * of the connection has done it.
   */
  reconnected() {
    const left = this.#requests.filter((request) => request.frame.type === "leave" && !this.#followsJoin(request));
    for (const request of left) this.#remove(request).succeed({ type: "left", room: request.subject });
    for (const request of this.#requests) request.note(false);
    return left.map((request) => /** @type {string} */ (request.subject));
  }

  /**
   * Take out a request, if it has no answer yet.
   *
   * @param {string} token
   * @param {Error} error in place of its answer
   */
  withdraw(token, error) {
    const request = this.#requests.find((each) => each.token === token);
    if (request) this.#remove(request).fail(error);
  }

  /** @param {Error} error */
  fail(error) {
    const requests = this.#requests;
    this.#requests = [];
    for (const request of requests) request.end(error);
  }

  /** @param {ServerFrame} frame */
  #answeredBy(frame) {
    return this.#sent().find((request) => request.isAnsweredBy(frame));
  }

  /** @param {Request} leave */
  #followsJoin(leave) {
    const earlier = this.#requests.slice(0, this.#requests.indexOf(leave));
    return earlier.some(({ frame, subject }) => frame.type === "join" && subject === leave.subject);
  }

  #sent() {
    return this.#requests.filter((request) => request.isSent);
  }

  /** @param {Request} request */
  #remove(request) {
    this.#requests.splice(this.#requests.indexOf(request), 1);
    return request;
  }
}

/**
 * Tell whether the server lets our key in no more.
 *
 * @param {Error} error
 */
function saysNoKey(error) {
  if (error instanceof DisconnectedError) return error.reason === "revoked";
  return error instanceof RefusedError && error.code === "unauthorized";
}

/** @param {ClientFrame | ServerFrame} frame */
function roomOf(frame) {
  return "room" in frame && frame.room !== undefined ? fold(frame.room) : undefined;
}
