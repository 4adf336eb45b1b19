"use strict";
// Before anything is drawn: the theme that was chosen, so that a dark page does not flash light.
try {
  const kept = localStorage.getItem("potomac-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch { /* storage may be off */ }
