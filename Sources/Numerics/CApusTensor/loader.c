#include "apus_tensor.h"

#include <dlfcn.h>
#include <stdio.h>

const apus_tensor_table *apus_tensor_open(const char *path, char *reason, size_t capacity) {
    // Local symbols: libtorch's names stay out of the way of other libraries. The library stays open for good.
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, capacity, "%s", dlerror());
        return NULL;
    }
    const apus_tensor_table *(*interface)(void) =
        (const apus_tensor_table *(*)(void))dlsym(library, "apus_tensor_interface");
    if (!interface) {
        snprintf(reason, capacity, "it has no symbol apus_tensor_interface");
        dlclose(library);
        return NULL;
    }
    const apus_tensor_table *table = interface();
    if (table->abi != APUS_TENSOR_ABI) {
        snprintf(reason, capacity, "its interface is version %d, this program needs %d", table->abi, APUS_TENSOR_ABI);
        return NULL;
    }
    if (table->size < (int32_t)sizeof(apus_tensor_table)) {
        snprintf(reason, capacity, "it is older than this program");
        return NULL;
    }
    return table;
}
