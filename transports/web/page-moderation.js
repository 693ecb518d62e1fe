/**
 * The room's menu for moderators. Who may do what is the server's to say: the answer stands in the dialog.
 *
 * @module
 */

import { byId, make, setText } from "./page-elements.js";
import { where } from "./page-me.js";

/** @typedef {import("../../docs/protocol.js").Moderate} Moderate */
/** @typedef {import("../../docs/protocol.js").Moderated} Moderated */
/** @typedef {import("./page-question.js").Question} Question */
/** @typedef {Omit<Moderate, "type" | "act" | "token">} On */
/** @typedef {{name: string, nicks: Iterable<string>}} Place */

const OF_A_ROOM = new Set(["close", "open"]);
const EVERYWHERE = new Set(["mute", "ban", "lift"]); // what may be done on the whole server, too
const FOR_A_WHILE = new Set(["mute", "ban"]);
const MOST_OFFERED = 200; // nicks

export class Moderation {
  #chat;
  #question;
  #place;
  #nick = byId("moderator-nick");
  #opened = 0; // how often it was
  #isAsking = false;

  /**
   * @param {{state: string, moderate: (act: Moderate["act"], on: On, how: {signal: AbortSignal}) => Promise<Moderated>}} chat
   * @param {Question} question
   * @param {() => Place | undefined} place the room that is open
   */
  constructor(chat, question, place) {
    this.#chat = chat;
    this.#place = place;
    this.#question = question;
    byId("moderator").onclose = () => byId("moderator").open || question.withdraw();
    byId("moderator-act").onchange = () => this.#draw();
    byId("moderator-everywhere").onchange = () => this.#draw();
    byId("moderator-close").onclick = () => byId("moderator").close();
    byId("moderator-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#do();
    };
  }

  open() {
    this.#question.withdraw(); // the dialog may be open again before its end is told
    this.#opened++;
    this.#isAsking = false;
    byId("moderator-form").reset();
    this.#say("");
    const nicks = [...(this.#place()?.nicks ?? [])].sort().slice(0, MOST_OFFERED);
    byId("moderator-nicks").replaceChildren(...nicks.map((nick) => make("option", { value: nick })));
    this.#draw();
    byId("moderator").showModal();
  }

  /** @returns {Moderate["act"]} */
  get #act() {
    return byId("moderator-act").value;
  }

  get #isEverywhere() {
    return EVERYWHERE.has(this.#act) && byId("moderator-everywhere").checked;
  }

  #draw() {
    const isAboutRoom = OF_A_ROOM.has(this.#act);
    const room = this.#place()?.name;
    setText(byId("moderator-room"), this.#isEverywhere || room === undefined ? "" : `#${room}`);
    byId("moderator-somebody").hidden = isAboutRoom;
    this.#nick.required = !isAboutRoom;
    this.#nick.disabled = isAboutRoom;
    byId("moderator-where").hidden = !EVERYWHERE.has(this.#act);
    byId("moderator-limits").hidden = !FOR_A_WHILE.has(this.#act);
    byId("moderator-hours").disabled = byId("moderator-reason").disabled = !FOR_A_WHILE.has(this.#act);
  }

  /** @returns {On} */
  get #on() {
    const room = this.#isEverywhere ? undefined : this.#place()?.name;
    if (OF_A_ROOM.has(this.#act)) return { room };
    const nick = this.#nick.value.trim();
    if (!FOR_A_WHILE.has(this.#act)) return { room, nick };
    const hours = Number(byId("moderator-hours").value);
    const reason = byId("moderator-reason").value.trim() || undefined;
    return { room, nick, seconds: hours > 0 ? hours * 3600 : undefined, reason };
  }

  async #do() {
    if (this.#isAsking) return; // an act on its way may be done, whoever withdraws it
    this.#isAsking = true;
    const opened = this.#opened;
    this.#say("asking the server…");
    const [act, on] = [this.#act, this.#on];
    const asked = this.#question.ask((signal) => this.#chat.moderate(act, on, { signal }));
    const words = await asked.then(wordsForDone, wordsForFailed);
    if (opened !== this.#opened) return;
    this.#isAsking = false;
    this.#say(words);
  }

  /** @param {string} words */
  #say(words) {
    setText(byId("moderator-notice"), words);
  }
}

/** @type {Record<string, (room?: string, nick?: string) => string>} */
const DONE = {
  close: (room) => `#${room} is private`,
  open: (room) => `#${room} is public`,
  admit: (room, nick) => `${nick} may enter #${room}`,
  kick: (room, nick) => `${nick} is out of #${room}`,
  mute: (room, nick) => `${nick} may read, but not write ${where(room)}`,
  ban: (room, nick) => (room === undefined ? `${nick} is banned` : `${nick} may not enter #${room}`),
  lift: (room, nick) => `${nick} is neither muted nor banned ${where(room)}`,
};

/** What we have done. @param {Moderated} moderated */
export const wordsForDone = ({ act, room, nick }) => `Done: ${DONE[act]?.(room, nick) ?? act}.`;

/** @param {any} error */
const wordsForFailed = ({ name, message }) =>
  `${name === "NoAnswer" ? "Not known whether it is done" : "Not done"}: ${message}.`;
