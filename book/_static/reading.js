// Search from disk: pages cannot be fetched there, so their texts were brought along.
(() => {
  const texts = window.BOOK_TEXTS;
  if (texts && location.protocol === "file:") {
    const fetched = window.fetch.bind(window);
    window.fetch = (url, ...rest) => {
      const path = decodeURIComponent(new URL(url, location.href).pathname);
      const page = Object.keys(texts).find((name) => path.endsWith(`/${name}`));
      if (!page) return fetched(url, ...rest);
      return Promise.resolve(new Response(`<div role="main">${texts[page]}</div>`));
    };
  }
  // The theme loads the search on every page, and Sphinx then leaves the words of a search unmarked.
  document.addEventListener("DOMContentLoaded", () => {
    if (!document.getElementById("search-results")) SphinxHighlight.highlightSearchWords();
  });
  // What is wider than the screen scrolls by itself, and must be reached by keyboard for that.
  const reach = () => {
    for (const part of document.querySelectorAll(".bd-article figure, .bd-article .output")) {
      if (part.scrollWidth > part.clientWidth + 1) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
})();
