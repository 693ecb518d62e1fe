// What modules of the page ask of a browser while they are loaded; to be imported before them.

globalThis.matchMedia ??= () => ({});
