/** Short animations of buttons, which style sheets know by `data-played`. */
/**
 * Plays one from its start, also where it is still under way.
 *
 * @param {HTMLElement} element @param {string} name
 */
export declare function play(element: HTMLElement, name: string): void;
