"use strict";
// What makes the pages quicker to use. Without it every form and page works by itself.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

  async function fetched(address, more = {}) {
    const response = await fetch(address, { credentials: "same-origin", headers: { "X-Part": "1" }, ...more });
    return { response, text: await response.text() };
  }

  // ---- questions: the answer in its place ------------------------------------------------------------------------
  function put(id, text) {
    const old = document.getElementById(id), made = parsed(text).getElementById(id);
    if (!old || !made) return null;
    const focused = document.activeElement?.id;
    old.replaceWith(made);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    begin(made);
    return made;
  }

  async function ask(form, pressed = true) {
    const id = form.dataset.part;
    const reply = form.parentElement.querySelector(".reply"), button = form.querySelector("button[type=submit]");
    reply.setAttribute("aria-busy", "true");
    const address = new URL(form.action);
    address.hash = "";
    address.search = new URLSearchParams(new FormData(form)).toString();
    try {
      const { response, text } = await fetched(address);
      if (!response.ok && !parsed(text).getElementById(id)) throw new Error(String(response.status));
      const made = put(id, text), wrong = made?.querySelector("[aria-invalid]");
      if (pressed) (wrong || made?.querySelector("button[type=submit]"))?.focus({ preventScroll: true });
    } catch {
      reply.removeAttribute("aria-busy");
      reply.replaceChildren(Object.assign(document.createElement("p"), { className: "fault", textContent: "The server did not answer. Ask again in a moment." }));
      if (pressed) button.focus();
    }
  }

  // ---- sliders: asked as they move ---------------------------------------------------------------------------------
  // Whoever drags is answered at every rest of 40 ms, and four times a second meanwhile. An answer that is overtaken is
  // dropped; the last one stays until the next is there.
  const REST = 40, LONGEST = 250, SAID = 700;

  function slide(form) {
    const reply = form.parentElement.querySelector(".reply"), status = form.querySelector("[role=status]");
    let waiting = 0, since = 0, running = null, saying = 0;
    const say = (text) => { clearTimeout(saying); saying = setTimeout(() => { status.textContent = text; }, SAID); };
    const soon = () => {
      const time = performance.now();
      since ||= time;
      clearTimeout(waiting);
      waiting = setTimeout(now, Math.max(0, Math.min(REST, since + LONGEST - time)));
    };

    async function now() {
      clearTimeout(waiting);
      since = 0;
      running?.abort();
      const mine = running = new AbortController();
      reply.setAttribute("aria-busy", "true");
      let made = null;
      try {
        const address = new URL(form.action);
        address.hash = "";
        address.search = new URLSearchParams(new FormData(form)).toString();
        made = parsed((await fetched(address, { signal: mine.signal })).text).getElementById(form.dataset.part);
      } catch { /* dropped, or no server: see below */ }
      if (mine !== running) return;
      running = null;
      reply.removeAttribute("aria-busy");
      show(made);
    }

    function show(made) {
      for (const old of all("[id*='-fault-']", form)) {
        const text = made?.querySelector(`#${CSS.escape(old.id)}`)?.textContent || "", field = document.getElementById(old.id.replace("-fault-", "-f-"));
        old.textContent = text;
        if (text) field?.setAttribute("aria-invalid", "true"); else field?.removeAttribute("aria-invalid");
      }
      const fresh = made?.querySelector(".reply"), answer = fresh?.querySelector(".moved");
      if (answer) {
        reply.replaceChildren(answer);
        say(answer.querySelector(".says")?.textContent || "There is a new answer.");
        return;
      }
      const said = fresh?.textContent.trim() || "The server did not answer. Move the slider again in a moment.";
      const wrong = Object.assign(document.createElement("div"), { className: "refused" });
      wrong.append(Object.assign(document.createElement("p"), { className: "fault", textContent: said }));
      if (reply.querySelector(".moved")) wrong.append(Object.assign(document.createElement("p"), { className: "soft", textContent: "Below is the answer before." }));
      reply.querySelector(".refused")?.remove();
      for (const hint of all(":scope > p", reply)) hint.remove();
      reply.prepend(wrong);
      say(said);
    }

    for (const range of all("input[type=range]", form)) {
      const number = document.getElementById(range.dataset.of);
      range.hidden = false;
      range.addEventListener("input", () => { number.value = range.value; soon(); });
      number.addEventListener("input", () => { if (number.value !== "") range.value = number.value; soon(); });
    }
    // Another choice has other values: the whole form is made anew.
    for (const choice of all("select", form)) choice.addEventListener("change", () => { clearTimeout(waiting); running?.abort(); running = null; ask(form, false); });
    for (const typed of all(".typed input", form)) typed.addEventListener("change", now);
    form.querySelector("button[type=submit]").hidden = true;
    form.addEventListener("submit", (event) => { event.preventDefault(); now(); });
    form.querySelector(".begin").addEventListener("click", (event) => {
      event.preventDefault();
      for (const number of all("[data-begin]", form)) {
        number.value = number.dataset.begin;
        const range = form.querySelector(`[data-of="${CSS.escape(number.id)}"]`);
        if (range) range.value = number.value;
      }
      now();
    });
  }

  // ---- suggestions while somebody types ------------------------------------------------------------------------------
  // The combobox of the ARIA practices: an editable field with a list; what is chosen is put into the field. The field
  // works by itself: what is left as it was typed is asked as it stands.
  const TYPED = 50;

  function complete(field) {
    const list = document.createElement("ul"), status = Object.assign(document.createElement("span"), { className: "unseen" });
    status.setAttribute("role", "status");
    list.id = `${field.id}-options`;
    list.className = "options";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    field.after(list, status);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) field.setAttribute(name, value);
    let waiting = 0, running = null, at = -1;

    const options = () => [...list.children];
    function mark(next) {
      at = next;
      options().forEach((one, k) => one.setAttribute("aria-selected", String(k === at)));
      if (at < 0) { field.removeAttribute("aria-activedescendant"); return; }
      field.setAttribute("aria-activedescendant", options()[at].id);
      options()[at].scrollIntoView({ block: "nearest" });
    }
    function open(is) {
      list.hidden = !is;
      field.setAttribute("aria-expanded", String(is));
      if (!is) mark(-1);
    }
    function close() {
      clearTimeout(waiting);
      running?.abort();
      running = null;
      open(false);
    }
    function take(one) {
      field.value = one.querySelector(".text").textContent;
      close();
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }

    async function look() {
      running?.abort();
      const mine = running = new AbortController();
      const address = new URL(field.dataset.completes, location.href);
      for (const hidden of all("input[type=hidden]", field.form)) if (!hidden.name.startsWith("_")) address.searchParams.set(hidden.name, hidden.value);
      address.searchParams.set("text", field.value);
      try {
        const { response, text } = await fetched(address, { signal: mine.signal, headers: { "X-Part": "options" } });
        if (mine !== running || !response.ok) return;
        running = null;
        list.replaceChildren(...all("li", parsed(text)));
        options().forEach((one, k) => { one.id = `${list.id}-${k}`; });
        const many = options().length;
        mark(-1);
        open(many > 0 && document.activeElement === field);
        status.textContent = many ? `${many} suggestion${many === 1 ? "" : "s"}` : "No suggestion";
      } catch { /* overtaken, or no server: the field works without */ }
    }

    field.addEventListener("input", () => {
      clearTimeout(waiting);
      if (!field.value.trim()) { close(); return; }
      waiting = setTimeout(look, TYPED);
    });
    field.addEventListener("keydown", (event) => {
      const many = options().length;
      if (event.isComposing) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) { if (field.value.trim()) look(); return; }
        if (many) mark(event.key === "ArrowDown" ? (at + 1) % many : (at < 0 ? many : at) - 1);
      } else if (event.key === "Enter") {
        if (at >= 0 && !list.hidden) { event.preventDefault(); take(options()[at]); } else close();
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        close();
      } else if (event.key === "Tab") close();
    });
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => { const one = event.target.closest("li"); if (one) take(one); });
    field.addEventListener("blur", close);
  }

  // A click on the map (no drag) puts a pin there, fills in the place and asks; the pin can be dragged. The drawing knows
  // its projection; see potomac/report/land.py.
  const RADIUS = 6371.0088, RAD = Math.PI / 180, SVG = "http://www.w3.org/2000/svg";

  // Where an event is, in units of the drawing.
  function spot(svg, event) {
    const view = svg.querySelector(".view"), inner = [...view.children].find((child) => child.getScreenCTM) || view;
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(inner.getScreenCTM().inverse());
  }

  function degrees(svg, at) {
    const rim = svg.querySelector(".rim")?.dataset, whole = wholes.get(svg);
    if (!rim || !whole) return null;
    const km = Number(rim.km), lat0 = Number(rim.lat), c = Math.cos(lat0 * RAD);
    const X = Number(rim.x) + (at.x - whole.x) * km, Y = Number(rim.y) - (at.y - whole.y) * km;
    const lat = rim.kind === "mercator" ? Math.atan(Math.sinh(Y / (RADIUS * c) + Math.asinh(Math.tan(lat0 * RAD)))) / RAD : Y / RADIUS / RAD + lat0;
    const lon = ((((Number(rim.lon) + X / (RADIUS * c) / RAD + 180) % 360) + 360) % 360) - 180;
    return { latitude: lat, longitude: lon };
  }

  // Where a place lies, in units of the drawing: the other way round.
  function placed(svg, [lon, lat]) {
    const rim = svg.querySelector(".rim")?.dataset, whole = wholes.get(svg);
    const km = Number(rim.km), lat0 = Number(rim.lat), c = Math.cos(lat0 * RAD);
    const X = RADIUS * c * ((((lon - Number(rim.lon) + 180) % 360) + 360) % 360 - 180) * RAD;
    const Y = rim.kind === "mercator" ? RADIUS * c * (Math.asinh(Math.tan(lat * RAD)) - Math.asinh(Math.tan(lat0 * RAD))) : RADIUS * (lat - lat0) * RAD;
    return [whole.x + (X - Number(rim.x)) / km, whole.y + (Number(rim.y) - Y) / km];
  }

  const element = (name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text) node.textContent = text;
    return node;
  };

  // The features of a reply, on the map beneath everything that the answer shows: the smallest on top, each with its minutes.
  function outline(svg, features) {
    svg.querySelector(".shapes")?.remove();
    const group = element("g", { class: "shapes", "aria-hidden": "true" }), names = [], taken = [];
    const view = svg.querySelector(".view"), whole = wholes.get(svg), inside = ([x, y]) => y > whole.y + 30 && x > whole.x + 30 && x < whole.x + whole.w - 30;
    const free = ([x, y]) => taken.every(([a, b]) => Math.abs(a - x) > 52 || Math.abs(b - y) > 15);
    features.forEach(({ geometry, properties }, k) => {
      if (!geometry) return;
      const path = [];
      let top = null;
      for (const ring of geometry.coordinates.flat()) {
        const line = ring.map((place) => placed(svg, place));
        for (const at of line) if ((!top || at[1] < top[1]) && inside(at) && free(at)) top = at;
        path.push(`M${line.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`);
      }
      group.prepend(element("path", { class: `shape q${Math.max(1, 7 - k)}`, d: path.join("") }));
      if (!top) return; // all of it is off the map
      taken.push(top);
      const at = element("g", { transform: `translate(${top[0].toFixed(1)} ${top[1].toFixed(1)})` });
      at.append(element("text", { class: "k halo middle shape-name", dy: 4 }, `${properties.minutes} min`));
      names.push(at);
    });
    group.append(...names);
    const ground = all(":scope > .water, :scope > .graticule, :scope > .land, :scope > .border", view).at(-1);
    if (ground) ground.after(group); else view.prepend(group);
  }

  function draw(reply) {
    const { features } = JSON.parse(reply.dataset.shapes);
    for (const svg of all(".lead svg.map")) if (wholes.has(svg) && svg.querySelector(".rim")) outline(svg, features);
  }

  function fill(found) {
    for (const [name, value] of Object.entries(found)) {
      for (const field of all(`[data-place] [name=${name}]`)) field.value = value.toFixed(4);
    }
    const said = document.querySelector("[data-place] .hint");
    said.textContent = `Place taken from the map: ${found.latitude.toFixed(4)}, ${found.longitude.toFixed(4)}.`;
  }

  function pinned(svg, at) {
    const found = degrees(svg, at);
    if (!found) return;
    const pin = svg.querySelector(".pin") || newPin(svg);
    pin.setAttribute("transform", `translate(${at.x} ${at.y})`);
    fill(found);
  }

  function newPin(svg) {
    const pin = document.createElementNS(SVG, "g"), shape = document.createElementNS(SVG, "path");
    pin.setAttribute("class", "pin");
    shape.setAttribute("class", "k");
    shape.setAttribute("d", "M0 0L-6.5-13a7.5 7.5 0 1 1 13 0z");
    pin.append(shape);
    svg.querySelector(".view").append(pin);
    let held = null; // where the pin was taken, and how far from its tip
    pin.addEventListener("pointerdown", (event) => {
      const at = spot(svg, event), tip = pin.transform.baseVal.consolidate().matrix;
      held = { x: event.clientX, y: event.clientY, dx: tip.e - at.x, dy: tip.f - at.y, dragged: false };
      pin.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    pin.addEventListener("pointermove", (event) => {
      if (!held) return;
      event.stopPropagation();
      held.dragged ||= Math.hypot(event.clientX - held.x, event.clientY - held.y) > 3;
      const at = spot(svg, event);
      if (held.dragged) pinned(svg, { x: at.x + held.dx, y: at.y + held.dy });
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pin.addEventListener(end, (event) => {
        if (!held) return;
        event.stopPropagation();
        if (!held.dragged) pinned(svg, spot(svg, event)); // a click like any other
        held = null;
        askAll();
      });
    }
    pin.addEventListener("click", (event) => event.stopPropagation());
    return pin;
  }

  const askAll = () => { for (const form of all("[data-place] form[data-part]")) ask(form, false); };

  const wholes = new WeakMap();
  function places() {
    const question = document.querySelector("[data-place]");
    if (!question) return;
    for (const svg of all(".lead svg.map")) {
      const view = svg.querySelector(".view");
      if (!view) continue;
      if (!wholes.has(svg)) {
        const [x, y, w, h] = (view.dataset.whole || view.getAttribute("viewBox")).split(/[\s,]+/).map(Number);
        wholes.set(svg, { x, y, w, h });
      }
      let down = null;
      view.addEventListener("pointerdown", (event) => { down = event; }, { capture: true });
      view.addEventListener("click", (event) => {
        if (!down || Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > 3) return;
        if (!degrees(svg, spot(svg, event))) return;
        pinned(svg, spot(svg, event));
        askAll();
      });
    }
    for (const hint of all("[data-place] .hint")) hint.hidden = !document.querySelector(".lead svg.map .rim");
  }

  // ---- what goes on: asked for again until it is settled ------------------------------------------------------------
  function poll(block) {
    const wait = 1000 * Number(block.dataset.every || 2);
    setTimeout(async () => {
      let made = null;
      try {
        const { response, text } = await fetched(block.dataset.poll);
        if (response.redirected) { location.assign(response.url); return; }
        if (response.ok) {
          const next = parsed(text).getElementById(block.id);
          if (next && "settled" in next.dataset) { location.reload(); return; }
          const opened = all("details[open]", block).length;
          made = put(block.id, text);
          if (made && opened) for (const one of all("details", made)) one.open = true;
        }
      } catch { /* the server may be away for a moment */ }
      if (!made) poll(block);
    }, wait);
  }

  // ---- upload: how far it is ----------------------------------------------------------------------------------------
  const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`);

  function upload(event) {
    const form = event.target, file = form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    const going = form.querySelector(".going"), bar = going.querySelector("progress"), far = going.querySelector(".far"), button = form.querySelector("button[type=submit]");
    const most = Number(form.dataset.most) * 2 ** 20;
    going.hidden = false;
    if (file.size > most) { far.textContent = `The file has ${size(file.size)}; at most ${size(most)} are taken.`; bar.hidden = true; return; }
    bar.hidden = false;
    button.disabled = true;
    const request = new XMLHttpRequest();
    const end = (text) => { far.textContent = text; button.disabled = false; };
    request.upload.addEventListener("progress", (now) => {
      bar.value = (100 * now.loaded) / now.total;
      far.textContent = now.loaded < now.total ? `${size(now.loaded)} of ${size(now.total)}` : "Sent; being stored";
    });
    request.addEventListener("load", () => {
      if (request.status < 400) { location.assign(request.responseURL); return; }
      const page = parsed(request.responseText), said = page.querySelector(".summary li, .wrong .answer");
      end(said ? said.textContent : `The server did not take it (${request.status}).`);
    });
    request.addEventListener("error", () => end("The connection broke. Nothing was stored; send it again."));
    request.addEventListener("abort", () => end("Stopped. Nothing was stored."));
    going.querySelector(".stop").onclick = () => request.abort();
    request.open("POST", form.action);
    request.send(new FormData(form));
  }

  // ---- studies: file and faults beside what is typed ----------------------------------------------------------------
  function watch(form) {
    let waiting = 0, round = 0;
    const look = async () => {
      const data = new FormData(form), mine = ++round;
      data.set("act", "show");
      try {
        const { response, text } = await fetched(form.action || location.href, { method: "POST", body: data });
        if (!response.ok || mine !== round) return;
        const page = parsed(text);
        for (const old of all("[data-live]", form)) {
          const made = page.getElementById(old.id);
          if (made && made.innerHTML !== old.innerHTML) old.innerHTML = made.innerHTML;
          if (made && old.id.startsWith("fault-")) {
            const field = document.getElementById(old.id.replace("fault-", "f-"));
            if (field?.matches("input, select, textarea")) field.toggleAttribute("aria-invalid", false);
            if (field?.matches("input, select, textarea") && made.textContent) field.setAttribute("aria-invalid", "true");
          }
        }
      } catch { /* the next letter asks again */ }
    };
    form.addEventListener("input", (event) => {
      clearTimeout(waiting);
      if (event.target.matches("[data-again]")) return;
      waiting = setTimeout(look, 350);
    });
    // Another source has other columns: the whole form is made anew, as the button without a name to press does.
    form.addEventListener("change", (event) => { if (event.target.matches("[data-again]")) form.requestSubmit(form.querySelector("button[value=show]")); });
    form.addEventListener("submit", () => {
      try { sessionStorage.setItem("potomac-scroll", JSON.stringify([location.pathname, scrollY])); } catch { /* not kept */ }
    });
  }

  function returned() {
    try {
      const [path, y] = JSON.parse(sessionStorage.getItem("potomac-scroll") || "[]");
      sessionStorage.removeItem("potomac-scroll");
      if (path === location.pathname && document.querySelector("[data-watch]") && !document.querySelector("[role=alert]")) scrollTo({ top: y, behavior: "instant" });
    } catch { /* not kept */ }
  }

  function begin(within) {
    const some = (selector) => [...(within.matches?.(selector) ? [within] : []), ...all(selector, within)];
    for (const form of some("form[data-slide]")) slide(form);
    for (const field of some("input[data-completes]")) complete(field);
    for (const form of some("form[data-part]:not([data-slide])")) form.addEventListener("submit", (event) => { event.preventDefault(); ask(form); });
    for (const block of some("[data-poll]")) poll(block);
    for (const hint of some("[data-place] .hint")) hint.hidden = !document.querySelector(".lead svg.map .rim");
    for (const reply of some("[data-shapes]")) draw(reply);
  }

  places();
  begin(document);
  for (const form of all("form[data-upload]")) form.addEventListener("submit", upload);
  for (const form of all("form[data-watch]")) watch(form);
  returned();
})();
