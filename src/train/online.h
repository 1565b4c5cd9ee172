#ifndef CLR_ONLINE_H
#define CLR_ONLINE_H
/* The online probe: a softmax regression on h that learns along with the encoder and tells it nothing (protocol 1.9). Its weights are
   the encoder's last entries, so that they are summed, updated (by the same rule at the same rate, without decay or adaptation),
   saved and resumed as all others. Local. */

#include "clr/encoder.h"

typedef struct clr_online clr_online;

/* views: the most that one call gets; all: views of the global batch. The encoder must have classes. */
clr_online *clr_online_new(clr_encoder *encoder, int64_t views, int64_t all);
void clr_online_free(clr_online *online); /* accepts NULL */
int64_t clr_online_bytes(int64_t views, int features, int classes);
float *clr_online_features(clr_online *online); /* (views, features): h goes there */

/* Of n views with labels: adds to the gradients of this rank's mean loss over all (first: overwrites them). Returns how many are right. */
int64_t clr_online_learn(clr_online *online, const int32_t *labels, int n, bool first);

#endif
