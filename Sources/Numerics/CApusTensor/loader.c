#include "apus_tensor.h"
