'use strict';
const look = async () => {
  const state = document.getElementById('state');
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store' });
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.querySelector('main').replaceWith(document.adoptNode(next.querySelector('main')));
    document.dispatchEvent(new Event('drawn'));
    setTimeout(look, 1000);
  } catch {
    state.textContent = state.dataset.ended;
  }
};
setTimeout(look, 1000);
