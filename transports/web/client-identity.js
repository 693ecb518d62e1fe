/**
 * Who we are to a server, and so which messages are our own.
 *
 * The nick is what we asked for until the server says another, in its `welcome` or later. With an account, several
 * devices share one identity: any of them may change its nick, and what the others say is ours too. A key goes into
 * every `hello`, and an invite until a `welcome` has come. No log of an identity shows what is secret.
 *
 * @module
 */

import { checkNick, checkProofs, fold } from "./client-frames.js";

/** @typedef {import("../../docs/protocol.js").Hello} Hello */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/** @typedef {import("../../docs/protocol.js").Welcome} Welcome */
/** @typedef {import("./client-types.js").Options} Options */

export const PROTOCOL = 1;
const NICKS = 64; // nicks of ours that are remembered

export class Identity {
  #client;
  #key;
  #invite;
  #secret;
  /** @type {Set<string>} folded; those that the server gave us */
  #nicks = new Set();

  nick;
  /** @type {string | undefined} */
  account;
  /** @type {string | undefined} */
  role;

  /** @param {Options} options */
  constructor({ nick, client, session, key, invite }) {
    checkProofs({ session, key, invite });
    this.nick = checkNick(nick);
    this.#client = client;
    this.#secret = session;
    this.#key = key;
    this.#invite = invite;
  }

  /** The secret that gives the nick back. */
  get secret() {
    return this.#secret;
  }

  /** @returns {Hello} */
  get hello() {
    const [client, session, key, invite] = [this.#client, this.#secret, this.#key, this.#invite];
    return { type: "hello", protocol: PROTOCOL, nick: this.nick, client, session, key, invite };
  }

  /** @param {Welcome} welcome */
  receiveWelcome({ session, nick, account, role }) {
    this.#invite = undefined;
    this.#secret = session;
    this.account = account;
    this.role = role;
    this.takeNick(nick);
  }

  /** @param {string} nick */
  takeNick(nick) {
    this.nick = nick;
    this.#nicks.add(fold(nick));
    if (this.#nicks.size > NICKS) this.#nicks.delete([...this.#nicks][0]);
  }

  /**
   * Tell by its nick whether a message is ours. With an account it also is if it is the account's name, or was our nick
   * before: the server gives those to nobody else.
   *
   * @param {Message} message
   */
  isAuthor(message) {
    const nick = fold(message.nick);
    if (nick === fold(this.nick)) return true;
    return this.account !== undefined && (nick === fold(this.account) || this.#nicks.has(nick));
  }
}
