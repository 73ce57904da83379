// What libzmq gives a C program, for comparison with recap-bench transport:
//
//   transport WORK SECONDS     cc -O2 transport.c -o transport -lzmq
//
//   raw       4 MiB writes to a plain TCP socket, read by another process
//   stream    4 MiB messages from a PUSH to a PULL socket, sent in place
//   frames    4 MiB messages from a DEALER to a ROUTER socket, sent in place, each answered with 8 bytes; 8 on their way
//   messages  messages of 100 bytes, each answered with 8 bytes; 256 on their way
//   trips     the same, one after the other
//
// over tcp on the loopback address, between two processes. Receivers read a word of every cache line. Prints a line of JSON.
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { LARGE = 4 << 20, SMALL = 100, SLOTS = 16, MOST_TRIPS = 1 << 20 };

static char *slots;  // SLOTS messages, so that none is in a cache when it is sent
static volatile uint64_t sink;

static void die(const char *call) {
  fprintf(stderr, "%s: %s\n", call, zmq_strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void look_at(const char *bytes, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 8 <= count; i += 64) sum += *(const uint64_t *)(bytes + i);
  sink += sum;
}

static void keep(void *data, void *hint) { (void)data, (void)hint; }

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print(const char *work, size_t bytes, double count, double seconds, double median) {
  printf("{\"work\": \"%s\", \"bytes\": %zu, \"messages_per_second\": %.1f, \"gigabytes_per_second\": %.4f", work,
         bytes, count / seconds, count * bytes / seconds / 1e9);
  if (median > 0) printf(", \"median_us\": %.2f", median * 1e6);
  printf("}\n");
}

// ---- Sockets

static void *open_socket(void *context, int type, size_t bytes) {
  void *socket = zmq_socket(context, type);
  if (!socket) die("zmq_socket");
  int queue = bytes >= LARGE ? 16 : 1000, linger = 0;
  zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
  zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
  zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
  return socket;
}

// Receives until a message begins with 'E'. Tells its endpoint through `pipe` and, in the end, when that was.
static void receive(int type, size_t bytes, int pipe) {
  void *context = zmq_ctx_new(), *socket = open_socket(context, type, bytes);
  if (zmq_bind(socket, "tcp://127.0.0.1:*")) die("zmq_bind");
  char endpoint[64] = {0};
  size_t length = sizeof endpoint;
  zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &length);
  if (write(pipe, endpoint, sizeof endpoint) < 0) die("write");
  for (int is_last = 0; !is_last;) {
    zmq_msg_t identity, message;
    if (type == ZMQ_ROUTER) {
      zmq_msg_init(&identity);
      if (zmq_msg_recv(&identity, socket, 0) < 0) die("zmq_msg_recv");
    }
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, 0) < 0) die("zmq_msg_recv");
    const char *content = zmq_msg_data(&message);
    look_at(content, zmq_msg_size(&message));
    is_last = content[0] == 'E';
    zmq_msg_close(&message);
    if (type == ZMQ_ROUTER) {
      zmq_msg_send(&identity, socket, ZMQ_SNDMORE);
      zmq_send(socket, "received", 8, 0);
    }
  }
  double end = now();
  if (write(pipe, &end, sizeof end) < 0) die("write");
  usleep(100000);
  _exit(0);
}

static void sockets(const char *work, double seconds) {
  int is_stream = !strcmp(work, "stream");
  size_t bytes = is_stream || !strcmp(work, "frames") ? LARGE : SMALL;
  unsigned long window = !strcmp(work, "trips") ? 1 : bytes == LARGE ? 8 : 256;
  int pipes[2];
  if (pipe(pipes)) die("pipe");
  pid_t receiver = fork();
  if (!receiver) receive(is_stream ? ZMQ_PULL : ZMQ_ROUTER, bytes, pipes[1]);
  char endpoint[64];
  if (read(pipes[0], endpoint, sizeof endpoint) != sizeof endpoint) die("read");
  void *context = zmq_ctx_new(), *socket = open_socket(context, is_stream ? ZMQ_PUSH : ZMQ_DEALER, bytes);
  if (zmq_connect(socket, endpoint)) die("zmq_connect");
  usleep(100000);

  double *trips = malloc(sizeof(double) * MOST_TRIPS), start = now(), asked = start;
  unsigned long sent = 0, answered = 0, measured = 0;
  for (int is_last = 0; !is_last;) {
    is_last = sent % 16 == 0 && now() - start > seconds;
    zmq_msg_t message;
    if (bytes == LARGE && !is_last) {
      zmq_msg_init_data(&message, slots + sent % SLOTS * LARGE, LARGE, keep, NULL);
    } else {
      zmq_msg_init_size(&message, bytes);
      memset(zmq_msg_data(&message), is_last ? 'E' : 'x', bytes);
    }
    if (window == 1) asked = now();
    if (zmq_msg_send(&message, socket, 0) < 0) die("zmq_msg_send");
    sent++;
    while (!is_stream && (sent - answered >= window || (is_last && answered < sent))) {
      char answer[8];
      if (zmq_recv(socket, answer, sizeof answer, 0) < 0) die("zmq_recv");
      answered++;
      if (window == 1 && measured < MOST_TRIPS) trips[measured++] = now() - asked;
    }
  }
  double end;
  if (read(pipes[0], &end, sizeof end) != sizeof end) die("read");
  waitpid(receiver, NULL, 0);
  if (measured) qsort(trips, measured, sizeof *trips, by_size);
  print(work, bytes, sent, end - start, measured ? trips[measured / 2] : 0);
}

static void raw(double seconds) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (void *)&address, length) || listen(listener, 1)) die("listen");
  getsockname(listener, (void *)&address, &length);
  int pipes[2];
  if (pipe(pipes)) die("pipe");
  pid_t receiver = fork();
  if (!receiver) {
    int connection = accept(listener, NULL, NULL);
    char *buffer = malloc(LARGE);
    ssize_t count;
    while ((count = recv(connection, buffer, 256 << 10, 0)) > 0) look_at(buffer, count);
    double end = now();
    if (write(pipes[1], &end, sizeof end) < 0) die("write");
    _exit(0);
  }
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (void *)&address, length)) die("connect");
  double start = now();
  unsigned long sent = 0;
  for (; sent % 16 || now() - start < seconds; sent++) {
    const char *message = slots + sent % SLOTS * LARGE;
    for (size_t done = 0; done < LARGE;) {
      ssize_t count = send(connection, message + done, LARGE - done, 0);
      if (count < 0) die("send");
      done += count;
    }
  }
  close(connection);
  double end;
  if (read(pipes[0], &end, sizeof end) != sizeof end) die("read");
  waitpid(receiver, NULL, 0);
  print("raw", LARGE, sent, end - start, 0);
}

int main(int count, char **words) {
  if (count != 3) {
    fprintf(stderr, "expected WORK and SECONDS; the head of the source has them\n");
    return 64;
  }
  slots = malloc((size_t)SLOTS * LARGE);
  memset(slots, 'x', (size_t)SLOTS * LARGE);
  if (!strcmp(words[1], "raw")) raw(atof(words[2]));
  else sockets(words[1], atof(words[2]));
  return 0;
}
