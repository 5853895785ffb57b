'use strict';
// One stream of events for all tabs: a browser opens six connections to a place at most, and each tab's own stream would take one.
const ports = new Set();
let last = { type: 'lost' }, events = null;

const tell = message => ports.forEach(port => port.postMessage(message));
const connect = () => {
  events = new EventSource('/events');
  ['runs', 'reset', 'lines', 'slices', 'state', 'ping'].forEach(type => events.addEventListener(type, event => tell({ type, data: event.data })));
  events.onopen = () => { last = { type: 'open' }; tell(last); };
  events.onerror = () => {
    last = { type: 'lost' };
    tell(last);
    // After an answer that is no stream, a browser does not try again.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
};

onconnect = event => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = message => { if (message.data === 'bye') ports.delete(port); };
  port.postMessage(last);
  if (!events) connect();
};
