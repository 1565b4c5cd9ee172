/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of files and folders that are no images. */
#include "words.h"

#include <string.h>
#include <strings.h>

bool clr_word_is_list(const char *name)
{
    static const char *const kinds[] = {".csv", ".tsv", ".txt", ".json", ".xml", ".mat", ".parquet", ".xlsx"};
    static const char *const words[] = {"label",    "annot", "class", "target", "truth",
                                        "metadata", "train", "val",   "test",   "list"};
    const char *dot = strrchr(name, '.');
    bool kind = false;

    for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
        kind |= !strcasecmp(dot, kinds[i]);
    for (size_t i = 0; kind && i < sizeof words / sizeof *words; i++)
        for (const char *at = name; *at; at++)
            if (!strncasecmp(at, words[i], strlen(words[i])))
                return true;
    return false;
}

bool clr_word_is_dropping(const char *name)
{
    static const char *const names[] = {"#recycle",
                                        "#snapshot",
                                        "@recycle",
                                        "@recently-snapshot",
                                        "@tmp",
                                        "@sharesnap",
                                        "@sharebin",
                                        "__macosx",
                                        "$recycle.bin",
                                        "recycler",
                                        "recycled",
                                        "recycle.bin",
                                        "recyclebin",
                                        "trashbox",
                                        "system volume information",
                                        "lost+found",
                                        "lost.dir",
                                        "found.000",
                                        "network trash folder",
                                        "temporary items",
                                        "thevolumesettingsfolder",
                                        "thumbs.db",
                                        "ehthumbs.db",
                                        "ehthumbs_vista.db",
                                        "desktop.ini",
                                        "picasa.ini",
                                        "icon\r",
                                        "~snapshot",
                                        "_gsdata_",
                                        "__pycache__",
                                        "ipod photo cache",
                                        "aquota.user",
                                        "aquota.group",
                                        "$windows.~bt",
                                        "thumbnail",
                                        "thumbnails",
                                        "_thumbs",
                                        "_thumbnails"};
    static const char *const beginnings[] = {".", "@eadir", "@__thumb", "@syno", "~$", "recycle bin - "};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncasecmp(name, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}
