/*
 * The same relay as relay.ts, without Node: one thread, epoll, read, write. What is left of a message's cost here is the system's.
 * It speaks as much MQTT 3.1.1 as a load generator needs: CONNECT and SUBSCRIBE are answered, and whatever a publisher sends after
 * CONNECT goes to whoever has subscribed last. It prints "relay PORT" when it listens. Compiled and started by start.ts.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, CHUNK = 65536, SUBSCRIBE = 0x82 };
static uint8_t connected[CLIENTS_MAX];

static void send_all(int to, const uint8_t *bytes, ssize_t count) {
  while (count > 0) {
    ssize_t written = write(to, bytes, count);
    if (written > 0) bytes += written, count -= written;
    else {
      struct pollfd room = {to, POLLOUT, 0};
      if (poll(&room, 1, 1000) <= 0) return;
    }
  }
}

int main(void) {
  static uint8_t chunk[CHUNK];
  int one = 1, subscriber = -1, listener = socket(AF_INET, SOCK_STREAM, 0), events = epoll_create1(0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  if (bind(listener, (struct sockaddr *)&at, length) != 0 || listen(listener, 64) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&at, &length);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
  printf("relay %d\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[64];
    int count = epoll_wait(events, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      int from = ready[i].data.fd;
      if (from == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0) continue;
        if (client >= CLIENTS_MAX) { close(client); continue; }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connected[client] = 0;
        event.data.fd = client;
        epoll_ctl(events, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      ssize_t taken = read(from, chunk, CHUNK);
      if (taken <= 0) {
        if (from == subscriber) subscriber = -1;
        close(from);
      } else if (!connected[from]) {
        connected[from] = 1;
        send_all(from, (const uint8_t[]){0x20, 2, 0, 0}, 4);
      } else if (chunk[0] == SUBSCRIBE) {
        subscriber = from;
        send_all(from, (const uint8_t[]){0x90, 3, chunk[2], chunk[3], 0}, 5);
      } else if (subscriber >= 0) send_all(subscriber, chunk, taken);
    }
  }
}
