// Renews the dashboard. The server has escaped all that it writes; the search is the page's own
// address, so that what is typed meanwhile stays.
"use strict";

async function renew() {
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    // What is the same is left alone: a selection, the focus and the place in a list stay.
    if (fresh && bare(fresh) !== bare(part)) part.innerHTML = fresh.innerHTML;
  }
}

// Links are signed anew each time.
const bare = (part) => part.innerHTML.replace(/\?expires=[^"]*/g, "");

(async () => {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, 2000));
    await renew();
  }
})();
