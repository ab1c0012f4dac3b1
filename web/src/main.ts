import { createApp } from "vue";

import App from "./App.vue";
import "./style/index.css";

createApp(App).mount("#app");
