(() => {
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const operations = [...document.querySelectorAll("details.operation")];
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const operation of operations) {
      const text = operation.dataset.words;
      const isFound = words.every((word) => text.includes(word));
      operation.hidden = !isFound;
      count += isFound ? 1 : 0;
    }
    found.textContent = words.length ? `${count} of ${operations.length} operations` : "";
  };
  search.closest("p").hidden = false;
  search.addEventListener("input", show);
  const open = () => {
    const operation = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (operation instanceof HTMLDetailsElement) {
      operation.open = true;
    }
  };
  window.addEventListener("hashchange", open);
  open();
})();
