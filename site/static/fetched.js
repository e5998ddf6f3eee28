// What a page's scripts fetch: each file once, however many of them want it.

const arriving = new Map();

async function arrival(href) {
  const answer = await fetch(href);
  if (!answer.ok) throw new Error(`${href.split("/").at(-1)} did not arrive: status ${answer.status}`);
  return answer.arrayBuffer();
}

// The bytes at an address, as an ArrayBuffer. What failed is fetched anew when it is next asked for.
export function fetched(address) {
  const { href } = new URL(address, document.baseURI);
  if (!arriving.has(href)) {
    arriving.set(href, arrival(href).catch((error) => {
      arriving.delete(href);
      throw error;
    }));
  }
  return arriving.get(href);
}
