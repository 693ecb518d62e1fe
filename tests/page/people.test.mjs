// Who is listed of those who are here.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.matchMedia = () => ({ matches: false }); // the module asks at once how wide the window is
const { listed } = await import("../../transports/web/page-sidebar.js");

test("of very many, whoever is not listed is found by a part of the name", () => {
  const here = new Set(Array.from({ length: 521 }, (_, index) => `Guest-${String(index).padStart(3, "0")}`));
  const all = listed(here, "");
  assert.deepEqual([all.nicks.length, all.nicks.includes("Guest-520"), all.more], [500, false, ["and 21 more"]]);
  assert.deepEqual(listed(here, "guest-52"), { nicks: ["Guest-520"], more: [] });
  assert.deepEqual(listed(here, "nobody"), { nicks: [], more: [] });
});
