// What the keyboard reaches, read in the page while Python presses the keys.
globalThis.keyboard ??= (() => {
  const { all, shown, named, selector, scrollers } = globalThis.layout;
  const FOCUSABLE = "a[href], button, input, select, textarea, [tabindex], details > summary:first-of-type";
  const A_FEW = 4;
  const LOOK = ["boxShadow", "backgroundColor", "borderColor", "textDecoration", "color"];
  const look = (element) => LOOK.map((name) => getComputedStyle(element)[name]).join("|");

  function ringed(element) {
    const style = getComputedStyle(element);
    const clear = /^rgba\(.*, 0\)$/.test(style.outlineColor) || parseFloat(style.outlineWidth) === 0;
    return style.outlineStyle !== "none" && !clear;
  }

  // All that Tab must stop at, in the document's order.
  function stops() {
    const rolling = new Set(scrollers());
    const usable = (element) => element.matches(FOCUSABLE) && !element.disabled && element.tabIndex >= 0;
    return all("body *").filter((element) => (usable(element) || rolling.has(element)) && shown(element));
  }

  let expected = [], unfocused = new Map(), visited = [];
  function watch() {
    expected = stops();
    unfocused = new Map(expected.map((element) => [element, look(element)]));
    visited = [];
    document.activeElement?.blur();
    document.addEventListener("focusin", ({ target }) => {
      visited.push({ target, marked: ringed(target) || look(target) !== unfocused.get(target) });
    });
    return expected.length;
  }
  function visits() {
    const order = [...new Set(visited.map(({ target }) => target))];
    const missed = expected.filter((element) => !order.includes(element));
    const reached = expected.filter((element) => order.includes(element));
    const known = order.filter((element) => reached.includes(element));
    const wrong = known.findIndex((element, at) => element !== reached[at]);
    const unmarked = new Set(visited.filter(({ marked }) => !marked).map(({ target }) => target));
    return [
      ...missed.map((element) => `Tab does not reach ${named(element)}`),
      ...(wrong < 0 ? [] : [`Tab leaves the order of the document at ${named(reached[wrong])}`]),
      ...[...unmarked].map((element) => `the focus cannot be seen on ${named(element)}`),
    ];
  }

  // Enter and Space must each open or close the details whose summary has the focus.
  // Details of the same class and depth work alike: a few of each kind speak for all.
  function summaries() {
    const kinds = new Map();
    for (const summary of all("details > summary:first-of-type")) {
      const details = summary.parentElement;
      const kind = `${details.className} ${details.parentElement.closest("details")?.className ?? "outermost"}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), summary]);
    }
    return [...kinds.values()].flatMap((alike) => alike.slice(0, A_FEW));
  }
  let turns = new Map();
  function watchToggles() {
    for (const details of all("details")) details.open = false;
    turns = new Map(summaries().map((summary) => [summary, 0]));
    new MutationObserver((records) => {
      const focused = document.activeElement;
      const count = records.filter(({ target }) => target === focused.parentElement).length;
      if (count) turns.set(focused, turns.get(focused) + count);
    }).observe(document.body, { subtree: true, attributeFilter: ["open"] });
    return turns.size;
  }
  function focusSummary(at) {
    const summary = summaries()[at];
    for (const outer of all("details")) outer.open = outer !== summary.parentElement && outer.contains(summary);
    summary.focus();
  }
  const toggles = () => [...turns].filter(([, count]) => count < 2)
    .map(([summary]) => `Enter or Space does not open or close ${named(summary)}`);

  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const targetOf = (link) => document.getElementById(decodeURIComponent(link.hash.slice(1)));
  const inPage = () => all("a[href^='#']").filter((link) => link.hash && targetOf(link));

  // A target is there when it is shown, in the window, and under nothing else.
  function arrived(target) {
    const box = [...target.getClientRects()].find((rect) => rect.width && rect.height);
    if (!shown(target) || !box || box.bottom < 0 || box.top > innerHeight) return false;
    const top = document.elementFromPoint(Math.max(box.left, 0) + 1, Math.max(box.top, 0) + 1);
    return !top || target.contains(top) || top.contains(target);
  }

  async function arrivals() {
    const faults = [];
    const links = new Map(inPage().map((link) => [`${link.hash} ${Boolean(link.closest("nav"))}`, link]));
    for (const link of links.values()) {
      const target = targetOf(link);
      for (const details of all("details")) details.open = details.contains(link);
      const closed = target.closest("details:not([open])");
      link.click();
      for (let waited = 0; waited < 500 && !arrived(target); waited += 20) await wait(20);
      const way = `${named(link)} leads to ${selector(target)}, which stays`;
      if (!arrived(target)) faults.push(`${way} out of sight`);
      else if (link.closest("nav") && closed && !closed.open) faults.push(`${way} closed`);
    }
    return faults;
  }

  return { watch, visits, watchToggles, focusSummary, toggles, arrivals };
})();
