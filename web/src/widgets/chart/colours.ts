/** Chart colours; each has at least 3:1 contrast on white, and neighbours differ in lightness as well as in hue. */
export const ink = "#1b2733";
export const soft = "#5a6876";
export const hair = "#e3e8ed";
export const palette = ["#2b6cb0", "#c2562d", "#2f855a", "#7a5195", "#946c00", "#4a5568"];
export const limit = "#b3261e";
export const limitLine = "#c98079";
export const centre = "#5a6876";
export const muted = "#a9bdd4";
