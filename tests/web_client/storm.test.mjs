// A storm: talkers that never stop, some of whom are reloaded, and a server that is killed under them again and again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Person, fixedPort, place, serve } from "./server.mjs";

const ROUNDS = 8;
const EACH = 40;

/** Somebody who talks over any number of reloads; `read` is what all their pages showed, one after the other. */
class Talker {
  read = [];
  #said = 0;

  constructor(t, url, nick) {
    Object.assign(this, { t, url, nick, kept: {} });
    this.load();
  }

  load() {
    const { session, unsent, after } = this.kept;
    this.person = new Person(this.t, this.url, this.nick, { session, unsent });
    this.person.chat.join("lobby", after ? { after } : {}).catch(() => {});
  }

  talk() {
    for (let number = 0; number < EACH; number++) this.person.chat.post("lobby", `${this.nick} ${++this.#said}`);
  }

  get said() {
    return Array.from({ length: this.#said }, (_, index) => `${this.nick} ${index + 1}`);
  }

  get texts() {
    return [...this.read, ...this.person.texts()];
  }

  async reload() {
    const { chat } = this.person;
    const after = chat.position("lobby") ?? this.kept.after; // it may not have been in again since the last time
    this.kept = JSON.parse(JSON.stringify({ session: chat.session ?? this.kept.session, unsent: chat.unsent, after }));
    this.read.push(...this.person.texts());
    await chat.close({ wait: 0 });
    this.load();
  }
}

test("nothing is missing, twice or out of order, however often the server dies and a page is reloaded", async (t) => {
  const [port, args] = [await fixedPort(), ["--journal", `sqlite:${place(t)}/chat.db`]];
  let server = await serve(t, { port, args });
  const talkers = ["ada", "bob", "carl"].map((nick) => new Talker(t, server.url, nick));
  await Promise.all(talkers.map(({ person }) => person.until("joined")));
  for (let round = 1; round <= ROUNDS; round++) {
    const [reloaded, other] = [talkers[round % 3], talkers[(round + 1) % 3]];
    const [before, seen] = [other.texts.length, other.person];
    for (const talker of talkers) talker.talk();
    await seen.when(() => other.texts.length >= before + (round % 4) * 10);
    await server.kill("SIGKILL");
    await reloaded.reload();
    server = await serve(t, { port, args });
  }
  const all = ROUNDS * EACH * talkers.length;
  for (const talker of talkers) await talker.person.when(() => talker.texts.length >= all && !talker.person.chat.unsent.length);
  for (const talker of talkers) {
    assert.deepEqual(talker.texts, talkers[0].texts);
    assert.deepEqual(talkers[0].texts.filter((text) => text.startsWith(talker.nick)), talker.said);
    assert.equal(talker.person.of("gap").length + talker.person.of("stale").length, 0);
  }
  assert.equal(talkers[0].texts.length, all);
});
