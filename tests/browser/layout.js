// What only a browser sees of a page. Each function returns sentences, an empty list where nothing is wrong.
globalThis.layout ??= (() => {
  const SLIP = 1.5; // pixels that rounding may move a box by
  const LEADING = 0.3; // part of a line's height that may reach into the next line: its box is higher than its ink
  const PAGE_HEIGHT = 1047; // pixels between the margins of 1 cm of an A4 page

  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const printing = () => matchMedia("print").matches;
  const excerpt = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);
  const isRoot = (element) => element === document.documentElement || element === document.body;

  function step(element) {
    if (element.id) return `#${element.id}`;
    const siblings = [...(element.parentElement?.children ?? [])];
    const alike = siblings.filter((other) => other.localName === element.localName);
    return element.localName + (alike.length > 1 ? `:nth-of-type(${alike.indexOf(element) + 1})` : "");
  }
  function selector(element) {
    const steps = [];
    for (let at = element; at && !isRoot(at); at = at.parentElement) {
      steps.unshift(step(at));
      if (at.id) break;
    }
    return steps.join(" > ") || element.localName;
  }
  const named = (element) => `${selector(element)} “${excerpt(element.textContent)}”`;

  // Boxes that cut what reaches out of them, innermost first, and whether the element is hidden from sight on purpose.
  const cuts = new Map();
  function cutsOf(element) {
    if (!element || isRoot(element)) return { boxes: [], tucked: false };
    if (cuts.has(element)) return cuts.get(element);
    const { boxes, tucked } = cutsOf(element.parentElement);
    const style = getComputedStyle(element);
    const away = style.clip.startsWith("rect(") || /^inset\((50|100)%/.test(style.clipPath);
    const result = { boxes, tucked: tucked || away };
    const [x, y] = [style.overflowX, style.overflowY];
    if ((x !== "visible" || y !== "visible") && style.display !== "inline") {
      const outer = element.getBoundingClientRect();
      const left = outer.left + element.clientLeft, top = outer.top + element.clientTop;
      const box = { element, x, y, left, top, right: left + element.clientWidth, bottom: top + element.clientHeight };
      result.boxes = [box, ...boxes];
      result.tucked ||= element.clientWidth <= 1 || element.clientHeight <= 1;
    }
    cuts.set(element, result);
    return result;
  }

  // A box cut down to what is seen of it, and the element whose edge hides a part that no scrolling brings back.
  function seen(rect, element) {
    const box = { left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom };
    const lost = (overflow) => overflow === "hidden" || overflow === "clip" || (overflow !== "visible" && printing());
    const slack = (box.bottom - box.top) * LEADING;
    let cutter = null;
    for (const cut of cutsOf(element).boxes) {
      if (box.right <= box.left || box.bottom <= box.top) break;
      const across = box.left < cut.left - SLIP || box.right > cut.right + SLIP;
      const along = box.top < cut.top - slack || box.bottom > cut.bottom + slack;
      if ((across && lost(cut.x)) || (along && lost(cut.y))) cutter ??= cut.element;
      if (cut.x !== "visible") [box.left, box.right] = [Math.max(box.left, cut.left), Math.min(box.right, cut.right)];
      if (cut.y !== "visible") [box.top, box.bottom] = [Math.max(box.top, cut.top), Math.min(box.bottom, cut.bottom)];
    }
    return { ...box, cutter };
  }

  // Every visible line of text, and every picture.
  function pieces() {
    cuts.clear();
    const result = [];
    const add = (element, text, rects) => {
      if (cutsOf(element).tucked) return;
      for (const rect of rects)
        if (rect.width > 0.5 && rect.height > 0.5) result.push({ element, text, ...seen(rect, element) });
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.data.trim() || !shown(node.parentElement)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      add(node.parentElement, excerpt(node.data), range.getClientRects());
    }
    for (const picture of all("img, svg, canvas, video"))
      if (shown(picture) && !picture.parentElement.closest("svg")) add(picture, "", [picture.getBoundingClientRect()]);
    return result;
  }
  const apparent = (box) => box.right > box.left && box.bottom > box.top;
  const label = (piece) => `${selector(piece.element)} “${piece.text}”`;

  function overlaps() {
    const boxes = pieces().filter(apparent).sort((a, b) => a.top - b.top);
    const holds = (outer, inner) => !outer.text && outer.element.contains(inner.element);
    const faults = [];
    let open = [];
    for (const box of boxes) {
      open = open.filter((other) => other.bottom > box.top);
      for (const other of open) {
        const width = Math.min(box.right, other.right) - Math.max(box.left, other.left);
        const height = Math.min(box.bottom, other.bottom) - box.top;
        const reach = LEADING * Math.min(box.bottom - box.top, other.bottom - other.top);
        if (width > SLIP && height > reach && !holds(box, other) && !holds(other, box))
          faults.push(`${label(other)} overlaps ${label(box)} by ${width.toFixed()}×${height.toFixed()} pixels`);
      }
      open.push(box);
    }
    return faults;
  }

  function clipped() {
    const roots = [document.documentElement, document.body];
    const width = document.documentElement.clientWidth;
    const rooted = roots.some((root) => /hidden|clip/.test(getComputedStyle(root).overflowX));
    const dotted = all("body *").filter((element) => element.scrollWidth > element.clientWidth && shown(element)
      && getComputedStyle(element).textOverflow !== "clip" && element.textContent.trim());
    return dotted.map((element) => `${named(element)} ends in an ellipsis`).concat(pieces().flatMap((piece) => {
      if (piece.cutter) return [`${label(piece)} is cut by ${selector(piece.cutter)}`];
      if (!apparent(piece)) return [];
      const [left, right] = [piece.left + scrollX, piece.right + scrollX];
      const before = right > 0 && (left < -SLIP || piece.top + scrollY < -SLIP);
      if (before) return [`${label(piece)} begins outside the page`];
      return rooted && right > width + SLIP ? [`${label(piece)} ends outside the page, which hides it`] : [];
    }));
  }

  function sideways() {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    cuts.clear();
    const edge = (element) => seen(element.getBoundingClientRect(), element.parentElement).right;
    const wide = all("body *:not(svg *)").filter((element) => shown(element) && edge(element) > root.clientWidth + 1);
    const deepest = wide.filter((element) => !wide.some((other) => other !== element && element.contains(other)));
    const culprits = deepest.slice(0, 5).map(named).join("; ");
    return [`the page is ${root.scrollWidth} pixels wide in a window of ${root.clientWidth}: ${culprits}`];
  }

  const scrolls = (element) => {
    const style = getComputedStyle(element);
    const past = (overflow, content, room) => /auto|scroll/.test(overflow) && content > room + 1;
    return past(style.overflowX, element.scrollWidth, element.clientWidth)
      || past(style.overflowY, element.scrollHeight, element.clientHeight);
  };
  const scrollers = () => all("body *").filter((element) => shown(element) && scrolls(element));
  const unreachable = () => scrollers().flatMap((element) => {
    if (element.tabIndex < 0) return [`${named(element)} scrolls and has no tabindex="0"`];
    const name = element.getAttribute("aria-label") || element.getAttribute("aria-labelledby");
    return name && element.getAttribute("role") ? [] : [`${named(element)} scrolls and has no role or no name`];
  });

  function breakable() {
    if (!printing()) return [];
    const parts = all("tr, figure").filter(shown);
    const loose = parts.filter((element) => !getComputedStyle(element).breakInside.startsWith("avoid"));
    const tall = parts.filter((element) => element.getBoundingClientRect().height > PAGE_HEIGHT);
    return [
      ...(loose.length ? [`a page break may cut ${loose.length} rows or figures, first ${named(loose[0])}`] : []),
      ...tall.map((element) => `${named(element)} is higher than a page`),
    ];
  }

  const headers = () => all("table").filter(shown).flatMap((table) => {
    const cells = [...table.rows].flatMap((row) => [...row.cells].filter((cell) => cell.localName === "th"));
    if (!cells.length) return [`${named(table)} has no header cell`];
    return cells.filter((cell) => !/^(col|row)(group)?$/.test(cell.scope)).map((cell) => `${named(cell)} has no scope`);
  });

  const pictures = async () => (await Promise.all(all("img").map(async (image) => {
    image.loading = "eager";
    await image.decode().catch(() => null);
    const where = `${selector(image)} “${image.alt}”`;
    const faults = image.naturalWidth && image.naturalHeight ? [] : [`${where} has no pixels`];
    return image.alt.trim() ? faults : [...faults, `${where} has no alt text`];
  }))).flat();

  function identifiers() {
    const ids = all("[id]").map((element) => element.id);
    const repeated = new Set(ids.filter((id, at) => !id || ids.indexOf(id) !== at));
    return [...repeated].map((id) => `the id “${id}” is empty or not unique`);
  }

  // An element of each kind of text: alike in colour, size, weight and all that lies behind.
  function textKinds() {
    const behind = new Map();
    const ground = (element) => {
      if (!element) return "";
      if (!behind.has(element)) {
        const { backgroundColor, backgroundImage, opacity, position } = getComputedStyle(element);
        const layer = `${backgroundColor} ${backgroundImage} ${opacity} ${position}`;
        const plain = layer === "rgba(0, 0, 0, 0) none 1 static";
        behind.set(element, ground(element.parentElement) + (plain ? "" : `/${layer}`));
      }
      return behind.get(element);
    };
    const kinds = new Map();
    for (const { element, text } of pieces()) {
      const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
      const kind = `${color} ${fontSize} ${fontWeight} ${textShadow} ${ground(element)}`;
      if (text && !kinds.has(kind)) kinds.set(kind, element);
    }
    return [...kinds.values()];
  }

  return {
    all, shown, selector, named, scrollers,
    sideways, overlaps, clipped, unreachable, breakable, headers, pictures, identifiers, textKinds,
  };
})();
