/** Whoever is signed in. The access token is in memory alone; the refresh token lasts as long as the browser's tab. */

import { bearer } from './http.js';

const STORED = 'roster:refresh-token';
const EARLY = 30_000;

/** Why Roster said no, in its own words. */
export class Refused extends Error {}

/** One sign-in, through a door that can `signIn`, `refresh` and `signOut`; the first two answer a pair of tokens. */
export class Session {
  /** Who is signed in, or null. */
  user = null;
  /** Why nobody is signed in any more, or nothing. */
  notice = '';

  #door;
  #access = null;
  #expires = 0;
  #timer;
  #refreshing = null;
  #listeners = new Set();

  constructor(door) {
    this.#door = door;
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Goes on with the session that this tab had before it was loaded again. */
  async restore() {
    if (sessionStorage.getItem(STORED)) await this.refresh();
  }

  async signIn(email, password) {
    this.accept(await this.#door.signIn(email, password));
  }

  async signOut() {
    const headers = bearer(await this.token());
    const refreshToken = sessionStorage.getItem(STORED);
    this.#forget('');
    // Signed out is signed out: what Roster says to it changes nothing here.
    await this.#door.signOut(refreshToken, headers).catch(() => {});
  }

  /** Returns an access token that still holds for a while, or null. */
  async token() {
    if (this.#access && Date.now() > this.#expires - EARLY) await this.refresh();
    return this.#access;
  }

  /** Gets a new pair of tokens; tells whether somebody is signed in after it. */
  refresh() {
    // A refresh token used twice ends the session, so all who want a new one wait for the same.
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh() {
    const refreshToken = sessionStorage.getItem(STORED);
    if (!refreshToken) return false;
    try {
      this.accept(await this.#door.refresh(refreshToken));
      return true;
    } catch (error) {
      if (error instanceof Refused) this.#forget('Your session has ended. Sign in again.');
      return false;
    }
  }

  /** Goes on with a pair of tokens. */
  accept({ accessToken, refreshToken, expiresIn, user }) {
    sessionStorage.setItem(STORED, refreshToken);
    this.#access = accessToken;
    this.#expires = Date.now() + expiresIn * 1000;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), Math.max(expiresIn * 1000 - EARLY, EARLY));
    this.#tell(user, '');
  }

  #forget(notice) {
    sessionStorage.removeItem(STORED);
    this.#access = null;
    clearTimeout(this.#timer);
    this.#tell(null, notice);
  }

  #tell(user, notice) {
    this.user = user;
    this.notice = notice;
    this.#listeners.forEach((listener) => listener());
  }
}
