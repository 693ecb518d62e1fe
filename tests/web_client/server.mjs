// A real `chat server`, and people on it. CHAT is the command, and TRANSPORT how the server serves sockets.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { Chat } from "../../transports/web/client.js";

const { CHAT = "chat", TRANSPORT = "asyncio" } = process.env;
const DEADLINE = 20_000;

/** Run a command to its end; return what it prints. */
export function chat(...args) {
  return execFileSync(CHAT, args, { encoding: "utf8", env: environment(), stdio: ["ignore", "pipe", "ignore"] });
}

function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("CHAT_"));
  return { ...Object.fromEntries(kept), CHAT_SERVER_JOURNAL: "memory" };
}

/** A place for files that goes with the test. */
export function place(t) {
  const path = mkdtempSync(join(tmpdir(), "chat-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Start a server, and wait until it listens; it is killed at the end of the test. */
export async function serve(t, { port = 0, args = [] } = {}) {
  const listen = ["--listen", `http://127.0.0.1:${port}`, "--transport", TRANSPORT];
  const child = spawn(CHAT, ["server", ...listen, ...args], { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  t.after(() => child.kill("SIGKILL") && ended);
  const line = await inTime(firstLine(child.stdout), () => `the server does not listen: ${log}`);
  if (!line) await ended.then(() => Promise.reject(new Error(`the server has ended: ${log}`)));
  const url = line.split(" ")[2];
  return { url, port: Number(new URL(url).port), child, kill: (signal) => child.kill(signal) && ended };
}

/** Have a server stand still; returns when all its threads do, where the system shows that. The signal only asks for it. */
export async function pause(child) {
  child.kill("SIGSTOP");
  const threads = `/proc/${child.pid}/task`;
  while (existsSync(threads) && !readdirSync(threads).every((thread) => isStopped(`${threads}/${thread}/stat`))) {
    await setImmediate();
  }
}

function isStopped(path) {
  try {
    return readFileSync(path, "utf8").split(") ").at(-1).startsWith("T");
  } catch {
    return false; // the thread has ended meanwhile
  }
}

function firstLine(stream) {
  const lines = createInterface({ input: stream });
  return new Promise((resolve) => lines.once("line", resolve).once("close", () => resolve("")));
}

/** A port that is free, below those that systems hand out themselves: for a server that starts again where it was. */
export async function fixedPort() {
  for (let port = 9_000 + (process.pid % 1_000); ; port++) if (await isFree(port)) return port;
}

function isFree(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Somebody on a server, who notes all events. */
export class Person {
  events = [];
  #seen = 0;
  #look = () => {};

  constructor(t, url, nick, options = {}) {
    const backoff = { first: 0.05, longest: 0.1 };
    this.chat = new Chat(url, { nick, backoff, ...options, onEvent: (event) => this.#note(event) });
    t.after(() => this.chat.close({ wait: 0 }));
  }

  #note(event) {
    this.events.push(event);
    this.#look();
  }

  of(type) {
    return this.events.filter((event) => event.type === type);
  }

  /** The texts of a room, in the order in which they came. */
  texts(room = "lobby") {
    return this.of("message").filter((message) => message.room === room).map((message) => message.text);
  }

  /** Wait for an event that was not waited for before, or follows the last one that was. */
  async until(type, where = () => true) {
    const isIt = (event) => event.type === type && where(event);
    const found = await this.#find(() => this.events.findIndex((event, index) => index >= this.#seen && isIt(event)), type);
    this.#seen = found + 1;
    return this.events[found];
  }

  /** Wait for something to be true, which an event makes true. */
  async when(holds) {
    await this.#find(() => (holds() ? 0 : -1), holds);
  }

  #find(index, what) {
    const found = new Promise((resolve) => {
      this.#look = () => index() >= 0 && resolve(index());
      this.#look();
    });
    return inTime(found, () => `${this.chat.nick} waits for ${what}; had ${JSON.stringify(this.events.slice(-5))}`);
  }
}

/** Wait for a promise, but not for ever. */
export async function inTime(promise, words) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(words())), DEADLINE)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A list of texts: `said(3)` is 1, 2 and 3. */
export const said = (last, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`);
