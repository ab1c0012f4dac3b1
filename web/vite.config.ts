import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

/** Everything is served from the plant's own host under a strict content security policy: nothing is inlined. */
export default defineConfig({
  plugins: [vue()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
    manifest: "manifest.json",
    license: { fileName: "licences.md" },
  },
});
