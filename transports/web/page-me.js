/**
 * Who we are here: the name and how it changes, our devices, and how this one is forgotten.
 *
 * @module
 */

import { fold } from "./client.js";
import { openLater } from "./page-parts.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./client-types.js").ChatEvent} ChatEvent */
/** @typedef {import("./client-types.js").Welcomed} Welcomed */
/** @typedef {import("./page-access.js").Access} Access */
/** @typedef {import("./page-store.js").Store} Store */
/** @typedef {import("../../docs/protocol.js").Moderated} Moderated */

export class Me {
  #chat;
  #store;
  #access;
  #say;
  #wanted;
  /** @type {import("./page-forget.js").Forget | undefined} once it was opened */
  #forget;
  /** @type {number | undefined} for how long we are banned */
  #banSeconds;

  /**
   * @param {Chat} chat
   * @param {Store} store
   * @param {Access} access
   * @param {(words: string) => void} say
   */
  constructor(chat, store, access, say) {
    this.#chat = chat;
    this.#store = store;
    this.#access = access;
    this.#say = say;
    this.#wanted = chat.nick;
    openLater("me-forget", "page-forget.js", ({ Forget }) => (this.#forget = new Forget(chat, store, access)), say);
    openLater("me-rename", "page-rename.js", ({ Rename }, { Question }) => new Rename(chat, new Question(chat)), say);
    openLater("me-devices", "page-devices.js", ({ Devices }, { Question }) => new Devices(chat, new Question(chat)), say);
  }

  /**
   * The server has let us in, and says who we are.
   *
   * @param {Welcomed} welcome
   * @returns {{isOther: boolean, isInvited: boolean}} whether we are another account than before, and came by an invite
   */
  welcomed({ nick, account }) {
    const isInvited = this.#access.succeed();
    const { device } = this.#store;
    this.#store.keepDevice({ ...device, nick, account, session: this.#chat.session });
    if (fold(nick) !== fold(this.#wanted)) this.#say(`You are ${nick} here.`);
    this.#wanted = nick;
    return { isOther: device.account !== account, isInvited };
  }

  /**
   * Take what happened to us, whatever the room.
   *
   * @param {ChatEvent} event
   */
  receive(event) {
    if (event.type === "nick") this.#renamed(event);
    else if (event.type === "invited") event.token ?? this.#say("Another of your devices has asked for an invite. If that was not you, have your keys revoked.");
    else if (event.type === "moderated") this.#say(wordsForModerated(event));
    else if (event.type === "error") this.#receiveError(event);
  }

  /**
   * The chat is over. Where the server was asked to revoke our key, that may be the answer, and nothing is to be told.
   *
   * @param {() => void} tell
   */
  end(tell) {
    if (this.#forget) this.#forget.end(tell);
    else tell();
  }

  /**
   * What has ended the chat, with what the server said of it before.
   *
   * @param {any} error
   */
  explain(error) {
    return error.reason === "banned" ? { retryAfter: this.#banSeconds, ...error } : error;
  }

  /** @param {import("../../docs/protocol.js").NickFrame} frame */
  #renamed({ nick, token }) {
    this.#wanted = nick;
    this.#store.keepDevice({ ...this.#store.device, nick });
    const why = token === undefined ? ": another of your devices has changed that" : "";
    this.#say(`You are ${nick} now${why}.`);
  }

  /** @param {import("../../docs/protocol.js").ErrorFrame} error */
  #receiveError({ code, message, retry_after }) {
    if (code === "forbidden") this.#banSeconds = retry_after;
    this.#say(message);
  }
}

/** @param {string | undefined} room */
export const where = (room) => (room === undefined ? "on this server" : `in #${room}`);

/**
 * What nobody waits for: our own act, whose answer came late, or what a moderator has done to us.
 *
 * @param {Moderated} moderated
 */
export function wordsForModerated({ act, room, nick, token }) {
  if (token !== undefined) return `Done after all: ${act} ${nick ?? ""} ${where(room)}.`;
  if (act === "mute") return `You may read, but not write ${where(room)}.`;
  if (act === "lift") return `You may write again ${where(room)}.`;
  return `A moderator has changed what you may do ${where(room)}.`;
}
