/**
 * The dialog that leads to any room of the server: Ctrl+K, a few letters, Enter.
 *
 * @module
 */

import { byId, make } from "./page-elements.js";

export class Switcher {
  #dialog = byId("switcher");
  #name = byId("switcher-name");
  #list;
  #go;
  /** @type {{room: string, count: number}[]} */
  #rooms = [];

  /**
   * @param {() => Promise<{room: string, count: number}[]>} list
   * @param {(room: string) => void} go
   */
  constructor(list, go) {
    this.#list = list;
    this.#go = go;
    this.#name.oninput = () => this.#draw();
    byId("switcher-form").onsubmit = () => this.#choose(this.#name.value.trim().replace(/^#/, ""));
  }

  async open() {
    this.#name.value = "";
    this.#rooms = [];
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#name.focus();
    this.#rooms = await this.#list().catch(() => []);
    this.#draw();
  }

  /** @param {string} name */
  #choose(name) {
    this.#dialog.close();
    if (name !== "") this.#go(name);
  }

  #draw() {
    const begun = this.#name.value.trim().replace(/^#/, "").toLowerCase();
    const found = this.#rooms.filter(({ room }) => room.toLowerCase().includes(begun)).slice(0, 50);
    byId("switcher-rooms").replaceChildren(...found.map(({ room, count }) => make("li", {},
      make("button", { type: "button", onclick: () => this.#choose(room) }, make("bdi", {}, `#${room}`), ` · ${count} here`))));
  }
}
