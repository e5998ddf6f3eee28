// Each element of class "twin" becomes the live twin of the widget that its data-twin names.

for (const el of document.querySelectorAll(".twin")) {
  import(`./${el.dataset.twin}.js`).then(({ start }) => start(el)).catch((error) => {
    const told = el.appendChild(document.createElement("p"));
    told.className = "notice";
    told.textContent = `This picture does not live: ${error.message}. Reload the page to try again.`;
  });
}
