// Shared by every widget's page: ask the kernel, and say so on the page when no answer comes.

const PATIENCE = 4000; // milliseconds without an answer before the reader is told

// The line that tells a reader what went wrong; empty when nothing did.
function noticeLine(el) {
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.setAttribute("role", "status");
  el.append(notice);
  return notice;
}

// The line to the kernel. ask(change) changes the model, post(content, buffers) sends a message; both carry a serial
// number, and the kernel answers by setting `answered` to it. onSilence is called when the kernel is gone or stays
// silent, onAnswer with the milliseconds it took when it answers.
function kernelLine(model, { onSilence, onAnswer }) {
  let serial = model.get("answered");
  let sent = 0;
  let timer = null;

  const settle = () => {
    if (model.get("answered") < serial) return;
    clearTimeout(timer);
    onAnswer(sent ? performance.now() - sent : null);
    sent = 0;
  };
  const question = (send) => {
    serial = Math.max(serial, model.get("answered")) + 1;
    sent = performance.now();
    clearTimeout(timer);
    timer = setTimeout(onSilence, PATIENCE);
    try {
      send();
    } catch (error) {
      onSilence();
    }
  };
  model.on("change:answered", settle);
  model.on("comm_live_update", onSilence);

  return {
    ask: (change) => question(() => {
      for (const [name, value] of Object.entries({ ...change, asked: serial })) model.set(name, value);
      model.save_changes();
    }),
    post: (content, buffers = []) => question(() => model.send({ ...content, serial }, undefined, buffers)),
    close() {
      clearTimeout(timer);
      model.off("change:answered", settle);
      model.off("comm_live_update", onSilence);
    },
  };
}
