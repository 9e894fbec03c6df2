/** How `<emostream-stage>` looks. A page's own style of the element and of its parts comes before it. */

export const STYLE = `
:host {
  position: absolute;
  inset: 0;
  display: block;
  overflow: hidden;
  contain: layout paint;
  pointer-events: none;
}

:host([hidden]), [hidden] { display: none !important; }

canvas {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
}

.status {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.buttons {
  position: absolute;
  inset: auto 8px 12px;
  display: flex;
  gap: 2px;
  width: fit-content;
  max-width: calc(100% - 16px);
  box-sizing: border-box;
  margin: 0 auto;
  padding: 4px;
  border: 1px solid rgba(255, 255, 255, 0.16);
  border-radius: 999px;
  background: rgba(20, 13, 36, 0.68);
  box-shadow: 0 6px 24px rgba(4, 2, 12, 0.45);
  -webkit-backdrop-filter: blur(14px) saturate(1.4);
  backdrop-filter: blur(14px) saturate(1.4);
  pointer-events: auto;
}

button {
  width: 44px;
  min-width: 24px;
  height: 44px;
  padding: 0;
  border: 0;
  border-radius: 999px;
  background: transparent;
  color: #fff;
  font: 24px/1 "Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji", sans-serif;
  cursor: pointer;
  touch-action: manipulation;
  transition: background-color 0.18s, opacity 0.3s, transform 0.18s cubic-bezier(0.3, 1.6, 0.5, 1);
  -webkit-tap-highlight-color: transparent;
}

button:hover { background: rgba(255, 255, 255, 0.14); transform: translateY(-2px) scale(1.08); }
button:active { transform: scale(0.88); }
button:focus-visible { outline: 3px solid #8ecbff; outline-offset: -3px; }
button[aria-disabled="true"] { opacity: 0.45; cursor: default; }
button[data-played="sent"] { animation: sent 0.6s ease-out; }
button[data-played="refused"] { animation: refused 0.8s ease-out, shake 0.4s ease-in-out; }

@keyframes sent { from { background: rgba(255, 255, 255, 0.42); } }

@keyframes refused { from { background: rgba(255, 72, 92, 0.8); } }

@keyframes shake {
  20%, 60% { transform: translateX(-4px); }
  40%, 80% { transform: translateX(4px); }
}

@media (prefers-reduced-motion: reduce) {
  button { transition: none; }
  button:hover, button:active { transform: none; }
  button[data-played="refused"] { animation-name: refused; }
}
`;
