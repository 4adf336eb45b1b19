"use strict";
// What makes a page quicker to use. Without it nothing is missing: every number, picture and table is in the markup.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const made = (tag, text, type) => Object.assign(document.createElement(tag), { textContent: text, ...(type ? { type } : {}) });
  const MINUS = "\u2212";

  // ---- theme -------------------------------------------------------------------------------------------------
  const root = document.documentElement;
  const kept = {
    get: () => { try { return localStorage.getItem("potomac-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("potomac-theme", value); } catch { /* a page opened from a file may keep nothing */ } },
  };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const button = document.querySelector(".theme");
  const name = () => {
    const text = dark() ? "Light page" : "Dark page";
    button.replaceChildren("\u25d0 ", made("span", text));
    button.setAttribute("aria-label", text);
  };
  if (["light", "dark"].includes(kept.get())) root.dataset.theme = kept.get();
  if (button) {
    button.hidden = false;
    name();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; kept.set(root.dataset.theme); name(); });
  }

  // ---- tables: sort, search, download ------------------------------------------------------------------------
  const exact = (cell) => cell.dataset.v ?? cell.textContent;
  const amount = (cell) => Number.parseFloat(exact(cell).replaceAll(MINUS, "-").replaceAll(",", ""));
  const words = new Intl.Collator("en", { numeric: true });

  function compare(column, numeric, sign) {
    return (a, b) => {
      const [one, two] = [a.cells[column], b.cells[column]];
      if (numeric) {
        const [x, y] = [amount(one), amount(two)];
        if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
        return sign * (x - y);
      }
      const [x, y] = [exact(one), exact(two)];
      return x === "" || y === "" ? (x === "") - (y === "") : sign * words.compare(x, y);
    };
  }

  function sortable(table) {
    const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const press = made("button", "", "button");
      press.append(...head.childNodes);
      head.append(press);
      press.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") || "none"];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next !== "none") head.setAttribute("aria-sort", next);
        const ordered = next === "none" ? rows : [...rows].sort(compare(column, head.classList.contains("n"), next === "ascending" ? 1 : -1));
        body.append(...ordered);
      });
    });
  }

  function searchable(block, table) {
    const rows = [...table.tBodies[0].rows], field = block.querySelector("input[type=search]"), said = made("span", "");
    said.setAttribute("role", "status");
    field.closest("label").after(said);
    let texts = null;
    field.addEventListener("input", () => {
      texts ??= rows.map((row) => row.textContent.toLocaleLowerCase());
      const wanted = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      rows.forEach((row, i) => { row.hidden = !wanted.every((word) => texts[i].includes(word)); found += !row.hidden; });
      said.textContent = wanted.length ? `${found.toLocaleString("en")} of these ${rows.length.toLocaleString("en")} rows` : "";
    });
  }

  // A spreadsheet takes text that begins with one of these signs for a formula; an apostrophe makes it text again.
  const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;
  const harmless = (text) => (/^[=+\-@\t\r]/.test(text) && !number.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  function csv(table) {
    const heads = [...table.tHead.rows[0].cells], names = heads.map((head) => head.dataset.c.split("\t"));
    const lines = [names.flat()];
    for (const row of table.tBodies[0].rows) {
      if (row.hidden) continue;
      lines.push([...row.cells].flatMap((cell, i) => (names[i].length > 1 ? exact(cell).split("\t") : [exact(cell)])));
    }
    return lines.map((line) => line.map((text) => quoted(harmless(text))).join(",")).join("\r\n") + "\r\n";
  }

  function download(table, file) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", csv(table)], { type: "text/csv" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  for (const block of all(".table")) {
    const table = block.querySelector("table.data"), tools = block.querySelector(".tools");
    if (!table || table.tBodies[0].rows.length < 2) continue;
    sortable(table);
    searchable(block, table);
    tools.hidden = false;
    const save = block.querySelector(".csv");
    save.addEventListener("click", () => download(table, `${save.dataset.name}.csv`));
  }

  // ---- tips: what a mark stands for, on hover, focus and touch -------------------------------------------------
  const tip = document.querySelector(".tip"), told = new WeakMap();
  let marked = null;

  function text(mark) {
    const title = [...mark.children].find((child) => child.localName === "title");
    if (title) { told.set(mark, title.textContent); title.remove(); }
    return told.get(mark) || "";
  }

  function show(mark) {
    hide();
    const words = text(mark);
    if (!words || !tip) return;
    marked = mark;
    mark.classList.add("told");
    tip.textContent = words;
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), root.clientWidth - own.width - 8);
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : box.bottom + 8}px`;
  }

  function hide() {
    marked?.classList.remove("told");
    marked = null;
    if (tip) tip.hidden = true;
  }

  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest?.(".figure .mark, .figure .track");
    if (mark) show(mark); else if (marked && !marked.matches(":focus")) hide();
  });
  document.addEventListener("focusin", (event) => { if (event.target.matches?.(".mark")) show(event.target); });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", () => { if (marked?.matches(":focus")) show(marked); else hide(); }, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // In a chart one stop of the Tab key; the arrow keys go from mark to mark.
  for (const chart of all("svg.figure:not(.map)")) {
    const marks = all(".mark", chart);
    if (!marks.length) continue;
    chart.setAttribute("role", "group");
    chart.setAttribute("tabindex", "0");
    let at = -1;
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      at = (at + step + marks.length) % marks.length;
      show(marks[at]);
    });
  }

  // ---- maps: enlarge and move the same drawing ----------------------------------------------------------------
  const NICE = [1, 2, 5], MOST = 40;
  const nice = (km) => { const power = 10 ** Math.floor(Math.log10(km)); return Math.max(...NICE.map((m) => m * power).filter((l) => l <= km * 1.000001)); };
  const length = (km) => (km >= 1 ? `${km.toLocaleString("en")} km` : `${Math.round(km * 1000).toLocaleString("en")} m`);

  // The net of degrees, as potomac.report.land draws it: steps of whole degrees, minutes and seconds.
  const STEPS = [60, 30, 20, 10, 5, 2, 1, 1 / 2, 1 / 6, 1 / 12, 1 / 30, 1 / 60, 1 / 120, 1 / 360, 1 / 720, 1 / 1800, 1 / 3600];
  const RADIUS = 6371.0088, RAD = Math.PI / 180;
  const step = (span, most) => STEPS.findLast((s) => span / s <= most) ?? STEPS[0];
  const multiples = (low, high, gap) => { const found = []; for (let i = Math.ceil(low / gap); i * gap <= high; i++) found.push(i * gap); return found; };

  function angle(value, gap, letters) {
    if (letters === "EW") value = ((((value + 180) % 360) + 360) % 360) - 180;
    const s = Math.round(Math.abs(value) * 3600), two = (n) => String(n).padStart(2, "0");
    const letter = s === 0 || (letters === "EW" && s === 648000) ? "" : letters[value < 0 ? 1 : 0];
    return `${Math.floor(s / 3600)}\u00b0${gap < 1 ? `${two(Math.floor(s / 60) % 60)}\u2032` : ""}${gap < 1 / 60 ? `${two(s % 60)}\u2033` : ""}${letter}`;
  }

  // The frame of a chart: black and white bars of half a step, and the names of meridians and parallels.
  class Rim {
    constructor(svg, whole) {
      this.whole = whole;
      this.group = svg.querySelector(".rim");
      this.net = svg.querySelector(".graticule");
      this.first = [...this.group.childNodes].map((node) => node.cloneNode(true));
      this.lines = this.net.getAttribute("d");
      const told = this.group.dataset;
      [this.lon0, this.lat0, this.x0, this.y0, this.km] = ["lon", "lat", "x", "y", "km"].map((name) => Number(told[name]));
      this.mercator = told.kind === "mercator";
    }

    degrees(x, y) {
      const { whole, km } = this, c = Math.cos(this.lat0 * RAD), X = this.x0 + (x - whole.x) * km, Y = this.y0 - (y - whole.y) * km;
      const lat = this.mercator ? Math.atan(Math.sinh(Y / (RADIUS * c) + Math.asinh(Math.tan(this.lat0 * RAD)))) / RAD : Y / RADIUS / RAD + this.lat0;
      return [this.lon0 + X / (RADIUS * c) / RAD, lat];
    }

    place(lon, lat) {
      const { whole, km } = this, c = Math.cos(this.lat0 * RAD), X = RADIUS * c * (lon - this.lon0) * RAD;
      const Y = this.mercator ? RADIUS * c * (Math.asinh(Math.tan(lat * RAD)) - Math.asinh(Math.tan(this.lat0 * RAD))) : RADIUS * (lat - this.lat0) * RAD;
      return [whole.x + (X - this.x0) / km, whole.y + (this.y0 - Y) / km];
    }

    draw(now) {
      if (now.w > this.whole.w * 0.999) { this.group.replaceChildren(...this.first); this.net.setAttribute("d", this.lines); return; }
      const [west, north] = this.degrees(now.x, now.y), [east, south] = this.degrees(now.x + now.w, now.y + now.h);
      const gap = step(east - west, Math.max(2, this.whole.w / 105)), f = this.whole.w / now.w;
      const across = (lon) => this.whole.x + (this.place(lon, this.lat0)[0] - now.x) * f, down = (lat) => this.whole.y + (this.place(this.lon0, lat)[1] - now.y) * f;
      const [lons, lats] = [multiples(west, east, gap), multiples(south, north, gap).filter((lat) => Math.abs(lat) < 90)];
      const net = [...lons.map((lon) => `M${this.place(lon, 0)[0]} ${now.y}v${now.h}`), ...lats.map((lat) => `M${now.x} ${this.place(this.lon0, lat)[1]}h${now.w}`)];
      this.net.setAttribute("d", net.join(""));
      this.group.querySelector(".zebra").setAttribute("d", this.bars([west, south, east, north], gap / 2, across, down));
      for (const text of all(".degree", this.group)) text.remove();
      this.names(lons, lats, gap, across, down);
    }

    bars([west, south, east, north], half, across, down) {
      const { x, y, w, h } = this.whole, edges = (low, high) => [low, ...multiples(low, high, half).filter((v) => v > low && v < high), high];
      const dark = (low, i) => (((Math.floor(low / half) + i) % 2) + 2) % 2 === 0;
      const path = [];
      edges(west, east).forEach((lon, i, all) => { if (i + 1 < all.length && dark(west, i)) for (const at of [y + 2, y + h - 2]) path.push(`M${across(lon)} ${at}H${across(all[i + 1])}`); });
      edges(south, north).forEach((lat, i, all) => { if (i + 1 < all.length && dark(south, i)) for (const at of [x + 2, x + w - 2]) path.push(`M${at} ${down(lat)}V${down(all[i + 1])}`); });
      return path.join("");
    }

    names(lons, lats, gap, across, down) {
      const { x, y, w, h } = this.whole;
      const put = (text, left, top, more) => {
        const node = document.createElementNS("http://www.w3.org/2000/svg", "text");
        node.textContent = text;
        for (const [name, value] of Object.entries({ x: left, y: top, class: `degree halo ${more}` })) node.setAttribute(name, value);
        this.group.append(node);
      };
      for (const lon of lons) { const at = across(lon); if (at > x + 40 && at < x + w - 40) put(angle(lon, gap, "EW"), at, y + 17, "middle"); }
      for (const lat of lats) { const at = down(lat); if (at > y + 30 && at < y + h - 44) put(angle(lat, gap, "NS"), x + 8, at - 3, ""); }
    }
  }

  class Chart {
    constructor(svg, holder) {
      this.svg = svg;
      this.view = svg.querySelector(".view");
      const box = this.view.viewBox.baseVal;
      this.whole = { x: box.x, y: box.y, w: box.width, h: box.height };
      this.now = { ...this.whole };
      this.pointers = new Map();
      this.scale = svg.querySelector(".scale");
      if (this.scale) this.suffix = (this.scale.querySelector("text").textContent.match(/ at .*$/) || [""])[0];
      this.labels = all(".view .label", svg).map((label) => ({ label, first: label.getAttribute("class") }));
      this.rim = svg.querySelector(".rim") ? new Rim(svg, this.whole) : null;
      this.buttons(holder);
      this.listen();
    }

    buttons(holder) {
      const bar = document.createElement("div");
      bar.className = "zoom";
      const add = (sign, label, action) => {
        const press = made("button", sign, "button");
        press.setAttribute("aria-label", label);
        press.title = label;
        press.addEventListener("click", action);
        bar.append(press);
        return press;
      };
      this.plus = add("+", "Enlarge the map", () => this.zoom(0.5));
      this.minus = add(MINUS, "Make the map smaller", () => this.zoom(2));
      this.home = add("\u21ba", "Show the whole map", () => this.set(this.whole));
      holder.append(bar);
      this.set(this.whole);
    }

    listen() {
      const { svg, view } = this;
      svg.setAttribute("role", "group");
      svg.setAttribute("tabindex", "0");
      svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")} Plus and minus enlarge the map, arrows move it.`);
      svg.addEventListener("keydown", (event) => this.key(event));
      svg.addEventListener("focusin", (event) => this.reach(event.target));
      view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      view.addEventListener("pointerdown", (event) => this.down(event));
      view.addEventListener("pointermove", (event) => this.move(event));
      for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, (event) => this.up(event));
      view.addEventListener("dblclick", (event) => this.zoom(0.5, this.place(event)));
    }

    // A mark that is chosen by the keyboard comes into view.
    reach(mark) {
      const at = mark.matches(".mark") && mark.parentNode.getAttribute("transform")?.match(/translate\(([-\d.]+) ([-\d.]+)\)/);
      if (!at) return;
      const [x, y] = [Number(at[1]), Number(at[2])], { now } = this;
      if (x > now.x && x < now.x + now.w && y > now.y && y < now.y + now.h) return;
      this.set({ ...now, x: x - now.w / 2, y: y - now.h / 2 });
      requestAnimationFrame(() => show(mark));
    }

    // Where an event is, in units of the drawing, and how many of them a pixel of the screen is.
    place(event) {
      const box = this.view.getBoundingClientRect(), own = this.screen();
      return { x: this.now.x + ((event.clientX - own.left) / own.width) * this.now.w, y: this.now.y + ((event.clientY - own.top) / own.height) * this.now.h, box };
    }

    screen() {
      const out = this.svg.getBoundingClientRect(), units = this.svg.viewBox.baseVal, f = out.width / units.width;
      return { left: out.left + this.whole.x * f, top: out.top + this.whole.y * f, width: this.whole.w * f, height: this.whole.h * f };
    }

    zoom(factor, about) {
      const { now, whole } = this, w = Math.min(whole.w, Math.max(whole.w / MOST, now.w * factor)), real = w / now.w;
      const at = about || { x: now.x + now.w / 2, y: now.y + now.h / 2 };
      this.set({ x: at.x - (at.x - now.x) * real, y: at.y - (at.y - now.y) * real, w, h: now.h * real });
    }

    set(box) {
      const { whole } = this, w = Math.min(box.w, whole.w), h = Math.min(box.h, whole.h);
      const x = Math.min(Math.max(box.x, whole.x), whole.x + whole.w - w), y = Math.min(Math.max(box.y, whole.y), whole.y + whole.h - h);
      this.now = { x, y, w, h };
      hide();
      if (!this.waiting) this.waiting = requestAnimationFrame(() => this.draw());
    }

    draw() {
      this.waiting = 0;
      const { now, whole, svg } = this, k = now.w / whole.w;
      this.view.setAttribute("viewBox", `${now.x} ${now.y} ${now.w} ${now.h}`);
      svg.style.setProperty("--k", k);
      svg.classList.toggle("zoomed", k < 0.999);
      [this.plus.disabled, this.minus.disabled, this.home.disabled] = [k <= 1.001 / MOST, k > 0.999, k > 0.999];
      if (this.scale) this.bar(k);
      this.rim?.draw(now);
      clearTimeout(this.later);
      this.later = setTimeout(() => this.relabel(k), 80);
    }

    bar(k) {
      const km = Number(this.scale.dataset.km) * k, units = Math.min(this.whole.w * 0.25, 140), long = nice(units * km), w = long / km;
      const [over, under, half] = all("path", this.scale);
      for (const path of [over, under]) path.setAttribute("d", `M0-5V0H${w}V-5M${w / 2}-5V0`);
      half.setAttribute("d", `M0-2.5H${w / 2}`);
      this.scale.querySelector("text").textContent = length(long) + this.suffix;
    }

    // With more room more labels find a place; none covers another.
    relabel(k) {
      if (k > 0.999) { for (const { label, first } of this.labels) label.setAttribute("class", first); return; }
      const taken = [], frame = this.screen();
      for (const { label } of this.labels) {
        label.classList.remove("off");
        const a = label.getBoundingClientRect();
        const out = a.right < frame.left || a.left > frame.left + frame.width || a.bottom < frame.top || a.top > frame.top + frame.height;
        const meets = taken.some((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom);
        if (meets) label.classList.add("off"); else if (!out) taken.push(a);
      }
    }

    key(event) {
      const part = 0.2, { x, y, w, h } = this.now;
      const to = {
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.set(this.whole),
        ArrowLeft: () => this.set({ x: x - w * part, y, w, h }), ArrowRight: () => this.set({ x: x + w * part, y, w, h }),
        ArrowUp: () => this.set({ x, y: y - h * part, w, h }), ArrowDown: () => this.set({ x, y: y + h * part, w, h }),
      }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      to();
    }

    // The wheel scrolls the page until the map has been chosen by a click, so that nobody is caught in it.
    wheel(event) {
      if (!event.ctrlKey && !this.svg.contains(document.activeElement)) return;
      event.preventDefault();
      this.zoom(2 ** (Math.max(-100, Math.min(100, event.deltaY)) / 150), this.place(event));
    }

    down(event) {
      if (event.button !== 0) return;
      this.pointers.set(event.pointerId, event);
      this.start = { event, box: this.now };
      if (event.target.closest(".mark")) show(event.target.closest(".mark"));
      this.svg.focus({ preventScroll: true, focusVisible: false });
    }

    move(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const others = [...this.pointers.values()].filter((other) => other.pointerId !== event.pointerId);
      if (others.length) this.pinch(before, event, others[0]);
      else if (this.now.w < this.whole.w * 0.999 || event.pointerType === "mouse") this.drag(before, event);
      this.pointers.set(event.pointerId, event);
    }

    drag(before, event) {
      const far = Math.hypot(event.clientX - this.start.event.clientX, event.clientY - this.start.event.clientY) > 3;
      if (!far && !this.svg.classList.contains("held")) return;
      this.svg.classList.add("held");
      this.view.setPointerCapture(event.pointerId);
      const own = this.screen(), { x, y, w, h } = this.now;
      this.set({ x: x - ((event.clientX - before.clientX) / own.width) * w, y: y - ((event.clientY - before.clientY) / own.height) * h, w, h });
    }

    pinch(before, event, other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      if (apart(event) > 0) this.zoom(apart(before) / apart(event), this.place(middle));
    }

    up(event) {
      this.pointers.delete(event.pointerId);
      if (!this.pointers.size) this.svg.classList.remove("held");
    }
  }

  for (const svg of all(".wide > svg.map, .narrow > svg.map")) new Chart(svg, svg.parentElement);
  for (const svg of all(".panel > svg.map")) if (svg.querySelector(".mark.em")) svg.setAttribute("role", "group");
  for (const mark of all("svg.map .mark.em")) {
    mark.setAttribute("tabindex", "0");
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", text(mark).replaceAll("\n", ", ") || "flagged");
  }

  // ---- copy, print --------------------------------------------------------------------------------------------
  for (const block of all(".command")) {
    const press = block.querySelector("button");
    if (!press || !navigator.clipboard) continue;
    press.hidden = false;
    press.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      press.textContent = "Copied";
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => { opened = all("details:not([open])"); for (const one of opened) one.open = true; });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
})();
