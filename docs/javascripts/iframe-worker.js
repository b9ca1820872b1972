// A page that lies on the disk may start no worker, and the search runs in one. There it runs in a
// hidden frame instead. The theme would load such a stand-in from another host; this one is ours.
if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = class extends EventTarget {
    #early = [];
    #frame = document.createElement("iframe");
    #ready = false;

    constructor(address) {
      super();
      this.#frame.hidden = true;
      document.body.append(this.#frame);
      const inner = this.#frame.contentWindow;
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inner.importScripts = async (...scripts) => {
        for (const script of scripts) await this.#load(script);
      };
      this.#load(address).then(() => this.#begin());
    }

    postMessage(data) {
      if (this.#ready) this.#frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      else this.#early.push(data);
    }

    terminate() {
      this.#frame.remove();
    }

    #begin() {
      this.#ready = true;
      for (const data of this.#early.splice(0)) this.postMessage(data);
    }

    #load(address) {
      return new Promise((loaded, failed) => {
        const script = this.#frame.contentDocument.createElement("script");
        script.src = new URL(address, location.href).href;
        script.onload = loaded;
        script.onerror = failed;
        this.#frame.contentDocument.body.append(script);
      });
    }
  };
}
