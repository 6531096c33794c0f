/* The smallest shell in C: enrol once, report with a photo, sync, look.
 * shell PLATFORM ACTIVATION_CODE FOLDER PHOTO.jpg [TEXT] */
#include <julu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static julu_text text(const char* word) {
  julu_text made = {word, word == NULL ? 0 : strlen(word)};
  return made;
}

/* Says what happened and what to do, in Chinese, and ends. */
static void check(int32_t code, const julu_error* error) {
  if (code == JULU_OK) return;
  julu_buf message = {0};
  julu_error_message(code, text(error->field), JULU_LANG_ZH, &message);
  fprintf(stderr, "%s\n", message.length > 0 ? message.data : julu_error_name(code));
  julu_buf_free(&message);
  exit(1);
}

/* A phone takes the key from its keystore. A zero key is for this example only. */
static const uint8_t key[JULU_KEY_BYTES];

/* Unescapes where it stands. An app has a JSON library for this and the next. */
static char* directory_of(julu_buf device) {
  char* begin = strstr(device.data, "\"directory\":\"") + strlen("\"directory\":\"");
  char* end = begin;
  for (const char *at = begin, *known; *at != '"'; ++at, ++end) {
    unsigned code = (unsigned char)*at;
    if (sscanf(at, "\\u%4x", &code) == 1) at += 5; /* only control characters come so */
    else if (*at == '\\') code = (unsigned char)((known = strchr("b\bf\fn\nr\rt\t", *++at)) != NULL ? known[1] : *at);
    *end = (char)code;
  }
  *end = '\0';
  return begin;
}

/* The caller frees it. */
static char* body_with(const char* words) {
  const char* begin = "{\"category\":\"drainage\",\"text\":\"";
  char* body = malloc(strlen(begin) + 6 * strlen(words) + sizeof "\"}");
  char* end = body + sprintf(body, "%s", begin);
  for (; *words != '\0'; ++words) {
    const unsigned char byte = (unsigned char)*words;
    end += sprintf(end, byte < ' ' ? "\\u%04x" : byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
  }
  strcpy(end, "\"}");
  return body;
}

static void on_progress(void* context, const julu_progress* now) {
  (void)context;
  fprintf(stderr, "照片 %lld/%lld\n", (long long)now->photos_done, (long long)now->photos_total);
}

int main(int count, char** words) {
  if (count < 5) return fprintf(stderr, "shell 平台地址 激活码 数据目录 照片.jpg [情况描述]\n"), 64;
  julu_error error = {.size = sizeof error};

  /* Once: the activation code that the township handed out. Nothing goes out before the worker's consent. */
  julu_enrol_options enrol = {.size = sizeof enrol, .platform = text(words[1]), .code = text(words[2]),
                              .root = text(words[3]), .key = key, .consent_at_ms = (int64_t)time(NULL) * 1000};
  julu_buf device = {0};
  check(julu_enrol(&enrol, &device, &error), &error);
  const char* directory = directory_of(device);

  julu_store store = 0;
  julu_store_options open = {.size = sizeof open, .directory = text(directory), .key = key};
  check(julu_store_open(&open, &store, &error), &error);
  julu_buf_free(&device);

  char* body = body_with(count > 5 ? words[5] : "村东头排水沟堵了");
  julu_photo photo = {.size = sizeof photo, .path = text(words[4])};
  julu_saved saved = {.size = sizeof saved};
  check(julu_store_capture(store, text("incident"), text(body), &photo, 1, text(NULL), &saved, &error), &error);
  free(body);
  printf("已保存 %s，照片 %d 张\n", saved.id, (int)saved.photo_count);

  julu_sync sync = 0;
  julu_outcome outcome = {.size = sizeof outcome};
  check(julu_sync_open(store, NULL, &sync, &error), &error);
  check(julu_sync_run(sync, 30 * 1000, on_progress, NULL, &outcome, &error), &error);
  julu_sync_close(sync);
  const long long sent = outcome.ops_delivered, parked = outcome.ops_parked, left = outcome.ops_left;
  const int delivered = outcome.end == JULU_END_ALL_DELIVERED && parked == 0;
  if (delivered) printf("已送达 %lld 项，均有平台回执；上传照片 %lld 张\n", sent, (long long)outcome.photos_sent);
  else if (parked > 0) printf("平台未接受 %lld 项，请查看原因\n", parked);
  else printf("未送达 %lld 项，稍后自动重试（%s）\n", left, julu_error_name(outcome.failure));

  julu_buf list = {0};
  check(julu_store_list(store, text(NULL), &list, &error), &error);
  printf("%s\n", list.data);
  julu_buf_free(&list);
  julu_store_close(store);
  return delivered ? 0 : parked > 0 ? 65 : 75;
}
