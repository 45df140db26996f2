// @tanstack/query-core paused mutations, saved to localStorage by the persist client.
// throttleTime is 0 here, so a save follows every change; with the default (1,000 ms) every awaited
// enqueue takes a second. Only paused mutations are saved: not an online send, and no longer a
// stored charge once its resend has begun.
import { onlineManager, QueryClient } from "@tanstack/query-core";
import { persistQueryClient } from "@tanstack/query-persist-client-core";
import { createSyncStoragePersister } from "@tanstack/query-sync-storage-persister";
import { nextSave } from "./next-save.js";
import { post } from "./post.js";

const mutationKey = ["charge"];
const client = new QueryClient();
client.setMutationDefaults(mutationKey, { mutationFn: post });
onlineManager.setOnline(false);

const mutate = (charge) => client.getMutationCache().build(client, { mutationKey }).execute(charge);
const pending = () => client.getMutationCache().findAll({ status: "pending" });

export default {
  open() {
    const persister = createSyncStoragePersister({ storage: localStorage, throttleTime: 0 });
    const [, restored] = persistQueryClient({ queryClient: client, persister });
    return restored;
  },
  count: () => pending().length,
  load: () => pending().map((mutation) => mutation.state.variables),
  enqueue(charge) {
    const saved = nextSave();
    mutate(charge).catch(() => {});
    return saved;
  },
  async flush() {
    if (!pending().length) return;
    onlineManager.setOnline(true);
    await client.resumePausedMutations();
    await nextSave();
  },
  charge(charge) {
    onlineManager.setOnline(true);
    return mutate(charge);
  },
};
