/* SPDX-License-Identifier: BSD-3-Clause */
#include "style.h"

#define LIGHT                                                                                                   \
    "--page:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#5b6470;--grid:#d9dde3;--accent:#1f5fbf;--heat:31 95 191;" \
    "--good:#1a7f4b;--warn:#a05a00;--bad:#c0262d;"                                                              \
    "--s0:#2463c7;--s1:#c7402d;--s2:#16825d;--s3:#b7760b;--s4:#7a4bc4;--s5:#0e7f9b;--s6:#c2387f;--s7:#5f8a10;"  \
    "--s8:#55606e;--s9:#9a3fb0;--s10:#8f5a1e;--s11:#2f4f9a;"
#define DARK                                                                                                        \
    "--page:#101419;--card:#191f26;--ink:#e6e9ed;--soft:#98a2ae;--grid:#333c46;--accent:#79aefc;--heat:88 150 250;" \
    "--good:#4cc38a;--warn:#e7a54a;--bad:#ff7b77;"                                                                  \
    "--s0:#6ea8fe;--s1:#ff8672;--s2:#47c795;--s3:#f0b145;--s4:#b590f5;--s5:#45c4e0;--s6:#f47fb8;--s7:#a5d050;"      \
    "--s8:#a7b2bf;--s9:#dd90ef;--s10:#d99f62;--s11:#8fa9f0;"

const char clr_html_style[] =
    ":root{color-scheme:light dark;" LIGHT "}\n"
    "@media(prefers-color-scheme:dark){:root{" DARK "}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"DejaVu Sans\",sans-serif;overflow-wrap:anywhere}\n"
    "header,main{max-width:76rem;margin:0 auto;padding:0 1.25rem}\n"
    "header{padding-top:2rem}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:.1rem 0 .4rem}\n"
    "h2{font-size:1.15rem;margin:0 0 .7rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}\n"
    ".over{margin:0;color:var(--accent);font-weight:600;font-size:.85rem;letter-spacing:.04em}\n"
    ".soft,figcaption{color:var(--soft)}p{margin:.3rem 0 .6rem}\n"
    "section{background:var(--card);border:1px solid var(--grid);border-radius:12px;padding:1.1rem 1.25rem;"
    "margin:1.1rem 0}\n"
    ".scroll{overflow-x:auto;overflow-wrap:normal;margin:0 -.25rem;padding:0 .25rem}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}\n"
    ".scroll>table{min-width:100%}\n"
    "th,td{padding:.38rem .7rem;text-align:left;border-bottom:1px solid var(--grid);vertical-align:top;"
    "white-space:nowrap;max-width:34rem}\n"
    "thead th{color:var(--soft);font-weight:600;font-size:.8rem;vertical-align:bottom}\n"
    "tbody tr:last-child>*{border-bottom:0}td.n,th.n{text-align:right}\n"
    "tbody th{font-weight:600;position:sticky;left:0;background:var(--card);max-width:16rem;overflow:hidden;"
    "text-overflow:ellipsis}\n"
    "td.wrap{white-space:normal;min-width:18rem}\n"
    ".swatch{display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.5em;vertical-align:-.05em}\n"
    ".state{font-weight:600;font-size:.8rem;border:1px solid;border-radius:99px;padding:.05rem .55rem}\n"
    ".done{color:var(--good)}.running{color:var(--accent)}.stopped,.begun{color:var(--warn)}"
    ".missing{color:var(--soft)}.died,.unreadable{color:var(--bad)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.7rem;margin:.2rem 0 1rem}\n"
    ".tiles div{border:1px solid var(--grid);border-radius:9px;padding:.5rem .75rem}\n"
    ".tiles b{display:block;font-size:1.35rem;line-height:1.25;font-variant-numeric:tabular-nums}\n"
    ".tiles span{color:var(--soft);font-size:.8rem}\n"
    ".bar{height:.5rem;border-radius:99px;background:var(--grid);overflow:hidden;margin:.35rem 0 .7rem;max-width:30rem}"
    ".bar i{display:block;height:100%;background:var(--accent)}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.2rem}\n"
    "figure{margin:0;min-width:0}figure svg{display:block;width:100%;max-width:46rem;height:auto}\n"
    "figure img{display:block;max-width:100%;height:auto;border-radius:6px;background:#fff}"
    "figcaption{font-size:.85rem;margin-top:.35rem}\n"
    ".legend{list-style:none;margin:.2rem 0 .9rem;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;"
    "font-size:.9rem}\n"
    "details{border-top:1px solid var(--grid);padding:.6rem 0}details:first-of-type{border-top:0}\n"
    "summary{cursor:pointer;font-weight:600}summary .state{margin-left:.6em}\n"
    "dl{display:grid;grid-template-columns:minmax(6.5rem,max-content) 1fr;gap:.15rem 1rem;margin:.6rem 0;"
    "font-size:.9rem}dt{color:var(--soft)}dd{margin:0}\n"
    "pre{background:var(--page);border-radius:8px;padding:.7rem .9rem;overflow-x:auto;font-size:.8rem;line-height:1.45;"
    "overflow-wrap:normal}\n"
    ".wide{grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr))}\n"
    ".dots{stroke-width:3;stroke-linecap:round;stroke-opacity:.75}\n"
    "details figure{margin:.7rem 0 1rem}\n"
    ".heat td{text-align:center;min-width:3.6rem}\n"
    "@media(max-width:40rem){header,main{padding-left:.8rem;padding-right:.8rem}section{padding:.9rem .85rem}"
    "dl{grid-template-columns:1fr}dt{margin-top:.3rem}h1{font-size:1.4rem}tbody th{max-width:8.5rem}}\n"
    "@media print{section{break-inside:avoid}}\n";
