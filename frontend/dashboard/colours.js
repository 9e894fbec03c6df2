/** Colours of the chart's layers, from the lowest one, and of the rest on top of them. */

export const BAND_COLOURS = ["#ffb02e", "#ff5f8f", "#38d6ff", "#b38bff", "#3ddc97", "#ff7d4d", "#6d9bff", "#e6d96a"];
export const REST_COLOUR = "#6b6088";
